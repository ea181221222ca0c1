// certs ROLE NAME CSR: issues a certificate, signs a CSR, revokes the first, and checks each answer.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/vmihailenco/msgpack/v5"
)

type fields = map[string]any

var prefix = cmp.Or(os.Getenv("CERTMILL_PREFIX"), "certmill")
var attempt = must(time.ParseDuration(cmp.Or(os.Getenv("CERTMILL_TIMEOUT"), "10") + "s")) // how long each may take
// No group: every answer of now is looked at; what was not committed is no answer.
var kafka = must(kgo.NewClient(
	kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("CERTMILL_BROKERS"), "127.0.0.1:9092"), ",")...), kgo.ConsumeTopics(prefix+".responses"),
	kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(time.Now().UnixMilli()-60000))))

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The data of the answer. The same id and the same params again: the same answer, and nothing is done twice.
func ask(topic, key, id string, request fields) (answer fields) {
	request["v"], request["id"], request["mount"], request["ts"] = 1, id, "pki", time.Now().UnixMilli()
	value := must(msgpack.Marshal(request))
	for again := range 6 {
		must(kafka.ProduceSync(context.Background(), &kgo.Record{Topic: prefix + "." + topic, Key: []byte(key), Value: value}).First())
		ctx, cancel := context.WithTimeout(context.Background(), attempt)
		for answer = nil; answer == nil && ctx.Err() == nil; {
			kafka.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				if string(r.Key) == id {
					must(0, msgpack.Unmarshal(r.Value, &answer))
				}
			})
		}
		cancel()
		if answer["status"] == "ok" {
			return answer["data"].(fields)
		} else if refused, _ := answer["error"].(fields); refused["retryable"] == false {
			log.Fatal(refused)
		}
		time.Sleep(100 * time.Millisecond << again)
	}
	panic("no answer to " + id)
}

func check(data fields, name string) any { // Is it for that name, and from the CA that it names?
	leaf, _ := pem.Decode([]byte(data["certificate"].(string)))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(data["issuing_ca"].(string)))
	must(must(x509.ParseCertificate(leaf.Bytes)).Verify(x509.VerifyOptions{DNSName: name, Roots: roots}))
	return data["serial_number"]
}

func main() {
	role, name, csr, once, other := os.Args[1], os.Args[2], must(os.ReadFile(os.Args[3])), rand.Text(), rand.Text()
	params := msgpack.RawMessage(must(msgpack.Marshal(fields{"common_name": name, "ttl": "24h"}))) // once: a map has no order
	issued := check(ask("issue", once, once, fields{"op": "issue", "role": role, "params": params}), name)
	if check(ask("issue", once, once, fields{"op": "issue", "role": role, "params": params}), name) != issued {
		log.Fatal("the same id got another certificate")
	}
	sign := fields{"op": "sign", "role": role, "params": fields{"common_name": name, "csr": string(csr)}}
	revoked := ask("revoke", "pki", rand.Text(), fields{"op": "revoke", "params": fields{"serial_number": issued}})
	fmt.Printf("issued %s\nsigned %s\n%s %s\n", issued, check(ask("sign", other, other, sign), name), revoked["state"], issued)
}
