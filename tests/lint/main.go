// Judges certificates, certification requests and CRLs by zlint and by Go's crypto/x509. In: one JSON object a line on
// standard input, as artifact says. Out: one line for each tool that can judge it, with what it found.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
)

type artifact struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"` // certificate, csr, crl
	DER       []byte   `json:"der"`
	Chain     [][]byte `json:"chain"`      // the issuer first, the root last
	PublicTLS bool     `json:"public_tls"` // the rules of the CA/Browser Forum hold for it
	Revoked   []string `json:"revoked"`    // serial numbers that a CRL has to list, in hexadecimal
}

type verdict struct {
	ID       string   `json:"id"`
	Tool     string   `json:"tool"`
	Findings []string `json:"findings"`
}

// A judge says nothing of the kinds that it does not know.
type judge func(a artifact) (findings []string, known bool)

func main() {
	judges := map[string]judge{"zlint": newLinter().judge, "go": verify}
	in := bufio.NewReader(os.Stdin)
	lines := json.NewDecoder(in)
	out := json.NewEncoder(os.Stdout)

	for lines.More() {
		var a artifact
		if err := lines.Decode(&a); err != nil {
			log.Fatal(err)
		}
		for tool, judge := range judges {
			findings, known := judge(a)
			if !known {
				continue
			}
			if err := out.Encode(verdict{a.ID, tool, findings}); err != nil {
				log.Fatal(err)
			}
		}
	}
}
