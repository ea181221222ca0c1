// crls CA CERTIFICATE: follows the topic of CRLs, and says at each newer one whether the certificate is on it.
package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// By what the keys of the topic, mount/issuer/shard, name them by: their SHA-256.
func certificates(path string) map[string]*x509.Certificate {
	found := map[string]*x509.Certificate{}
	text, err := os.ReadFile(path)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, bad := x509.ParseCertificate(block.Bytes)
		found[fmt.Sprintf("%x", sha256.Sum256(block.Bytes))[:32]], err = certificate, cmp.Or(err, bad)
	}
	if err != nil {
		log.Fatal(err)
	}
	return found
}

func main() {
	issuers, newest := certificates(os.Args[1]), map[string]*big.Int{}
	var leaf *x509.Certificate
	for _, leaf = range certificates(os.Args[2]) { // there is one
	}
	// no group: every partition, from the start: a compacted topic holds every current CRL
	kafka, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("CERTMILL_BROKERS"), "127.0.0.1:9092"), ",")...),
		kgo.ConsumeTopics(cmp.Or(os.Getenv("CERTMILL_PREFIX"), "certmill")+".crl"), kgo.FetchMaxPartitionBytes(64<<20),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		log.Fatal(err)
	}
	for {
		kafka.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
			key := strings.Split(string(r.Key), "/")
			crl, err := x509.ParseRevocationList(r.Value)
			if err != nil || crl.Number == nil || len(key) != 3 || issuers[key[1]] == nil {
				return
			}
			// from whom its key says, and newer than the last; whoever wrote the record is not believed
			last := newest[string(r.Key)]
			if crl.CheckSignatureFrom(issuers[key[1]]) != nil || last != nil && crl.Number.Cmp(last) <= 0 {
				return
			}
			newest[string(r.Key)] = crl.Number
			if issuers[key[1]].Subject.String() != leaf.Issuer.String() {
				return
			}
			state := "good"
			if slices.ContainsFunc(crl.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
				return e.SerialNumber.Cmp(leaf.SerialNumber) == 0
			}) {
				state = "revoked"
			}
			fmt.Println(crl.Number, state, "until", crl.NextUpdate)
		})
	}
}
