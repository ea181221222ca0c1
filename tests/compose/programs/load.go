// load BROKERS COUNT CSR: so many requests at once; prints ID OP STATUS SERIAL of each answer. See ../programs.py.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/vmihailenco/msgpack/v5"
)

type fields = map[string]any

const window, quiet = 200, 2 * time.Second

var run = rand.Text()
var issued []string               // serial numbers that may be revoked
var revoked = map[string]string{} // the serial number of each request to revoke

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func request(number int, csr string) *kgo.Record {
	id := fmt.Sprintf("%s-%d", run, number)
	body := fields{"v": 1, "id": id, "mount": "pki", "ts": time.Now().UnixMilli(), "op": "issue", "role": "web",
		"params": fields{"common_name": "go.example.com"}}
	topic, key := "issue", id
	if number%10 == 3 {
		topic, body["op"], body["params"] = "sign", "sign", fields{"csr": csr, "common_name": "s.example.com"}
	} else if number%10 == 7 && len(issued) > 0 {
		topic, key, body["op"], body["params"] = "revoke", "pki", "revoke", fields{"serial_number": issued[0]}
		delete(body, "role")
		revoked[id], issued = issued[0], issued[1:]
	}
	return &kgo.Record{Topic: "certmill." + topic, Key: []byte(key), Value: must(msgpack.Marshal(body))}
}

func take(r *kgo.Record) int {
	if !strings.HasPrefix(string(r.Key), run) {
		return 0
	}
	var answer fields
	must(0, msgpack.Unmarshal(r.Value, &answer))
	data, _ := answer["data"].(fields)
	serial, _ := data["serial"].(string)
	fmt.Println(answer["id"], answer["op"], answer["status"], cmp.Or(serial, revoked[string(r.Key)], "-"))
	if answer["op"] == "issue" && answer["status"] == "ok" {
		issued = append(issued, serial)
	}
	return 1
}

func main() {
	brokers, count, csr := os.Args[1], must(strconv.Atoi(os.Args[2])), string(must(os.ReadFile(os.Args[3])))
	kafka := must(kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumeTopics("certmill.responses"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AfterMilli(time.Now().UnixMilli()-60000))))
	sent, answered := 0, 0
	for last := time.Now(); answered < count || time.Since(last) < quiet; {
		for ; sent < count && sent < answered+window; sent++ {
			kafka.Produce(context.Background(), request(sent, csr), func(_ *kgo.Record, err error) { must(0, err) })
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		kafka.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			answered += take(r)
			last = time.Now()
		})
		cancel()
	}
}
