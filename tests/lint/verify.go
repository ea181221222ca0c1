package main

import (
	"crypto/x509"
	"fmt"
	"math/big"
)

// verify parses with crypto/x509 and builds the path to the root, or checks the signature.
func verify(a artifact) ([]string, bool) {
	var found []string
	var err error

	switch a.Kind {
	case "certificate":
		err = verifyCertificate(a)
	case "csr":
		err = verifyCSR(a)
	case "crl":
		found, err = verifyCRL(a)
	default:
		return nil, false
	}
	if err != nil {
		found = append(found, err.Error())
	}
	return found, true
}

func verifyCertificate(a artifact) error {
	certificate, err := x509.ParseCertificate(a.DER)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   certificate.NotBefore,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for i, der := range a.Chain {
		above, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("chain %d: %w", i, err)
		}
		if i == len(a.Chain)-1 {
			options.Roots.AddCert(above)
		} else {
			options.Intermediates.AddCert(above)
		}
	}
	_, err = certificate.Verify(options)
	return err
}

func verifyCSR(a artifact) error {
	csr, err := x509.ParseCertificateRequest(a.DER)
	if err != nil {
		return err
	}
	return csr.CheckSignature()
}

func verifyCRL(a artifact) ([]string, error) {
	crl, err := x509.ParseRevocationList(a.DER)
	if err != nil {
		return nil, err
	}
	issuer, err := x509.ParseCertificate(a.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	return missing(crl, a.Revoked), nil
}

func missing(crl *x509.RevocationList, revoked []string) []string {
	var found []string
	listed := map[string]bool{}

	for _, entry := range crl.RevokedCertificateEntries {
		listed[entry.SerialNumber.String()] = true
	}
	for _, serial := range revoked {
		number, ok := new(big.Int).SetString(serial, 16)
		if !ok || !listed[number.String()] {
			found = append(found, "does not list "+serial)
		}
	}
	return found
}
