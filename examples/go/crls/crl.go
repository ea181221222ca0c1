package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func certificates(path string) (found []*x509.Certificate) {
	for block, rest := pem.Decode(must(os.ReadFile(path))); block != nil; block, rest = pem.Decode(rest) {
		found = append(found, must(x509.ParseCertificate(block.Bytes)))
	}
	return found
}

var newest = map[string]*x509.RevocationList{} // by the key of the topic: mount/issuer/shard

// Takes the CRL if it is from the one of these whom the key names, by its SHA-256, and newer than the last; whoever wrote the
// record is not believed.
func take(key string, value []byte, issuers []*x509.Certificate) {
	crl, err := x509.ParseRevocationList(value)
	parts, last := strings.Split(key, "/"), newest[key]
	if err != nil || len(parts) != 3 || crl.Number == nil || last != nil && crl.Number.Cmp(last.Number) <= 0 {
		return
	}
	for _, ca := range issuers {
		named := fmt.Sprintf("%x", sha256.Sum256(ca.Raw))[:32] == parts[1]
		if named && bytes.Equal(crl.RawIssuer, ca.RawSubject) && crl.CheckSignatureFrom(ca) == nil {
			newest[key] = crl
		}
	}
}

// By all CRLs of its issuer, the worst; without one, or with one that has ended, nothing is known.
func state(leaf *x509.Certificate) (worst string) {
	for _, crl := range newest {
		if !bytes.Equal(crl.RawIssuer, leaf.RawIssuer) {
			continue
		}
		word := "good"
		if !crl.NextUpdate.After(time.Now()) {
			word = "unknown"
		} else if slices.ContainsFunc(crl.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
			return e.SerialNumber.Cmp(leaf.SerialNumber) == 0
		}) {
			word = "revoked"
		}
		worst = max(worst, fmt.Sprint(word, " ", crl.Number, " ", crl.NextUpdate)) // which is the last in the alphabet
	}
	return cmp.Or(worst, "unknown - -")
}
