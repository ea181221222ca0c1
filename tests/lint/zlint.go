package main

import (
	"log"
	"strings"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

type linter struct {
	pkix, publicTLS lint.Registry
}

// The lints whose source's name begins with one of these.
func lintsOf(prefixes ...string) lint.Registry {
	var sources lint.SourceList
	for _, source := range lint.GlobalRegistry().Sources() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(string(source), prefix) {
				sources = append(sources, source)
			}
		}
	}
	lints, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: sources})
	if err != nil {
		log.Fatal(err)
	}
	return lints
}

func newLinter() *linter {
	return &linter{pkix: lintsOf("RFC"), publicTLS: lintsOf("RFC", "CABF")}
}

func (l *linter) judge(a artifact) ([]string, bool) {
	lints := l.pkix
	if a.PublicTLS {
		lints = l.publicTLS
	}
	switch a.Kind {
	case "certificate":
		certificate, err := x509.ParseCertificate(a.DER)
		if err != nil {
			return []string{err.Error()}, true
		}
		return errorsOf(zlint.LintCertificateEx(certificate, lints)), true
	case "crl":
		crl, err := x509.ParseRevocationList(a.DER)
		if err != nil {
			return []string{err.Error()}, true
		}
		return errorsOf(zlint.LintRevocationListEx(crl, lints)), true
	}
	return nil, false
}

func errorsOf(results *zlint.ResultSet) []string {
	found := []string{}
	for name, result := range results.Results {
		if result.Status >= lint.Error {
			found = append(found, strings.TrimSpace(name+" "+result.Details))
		}
	}
	return found
}
