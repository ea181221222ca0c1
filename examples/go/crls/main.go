// crls CA CERTIFICATE: follows the topic of CRLs, and says what the certificate is: good, revoked, or unknown, and then nobody
// is let in.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Of each partition that has anything, where it ends now.
func ends(kafka *kgo.Client, topic string) map[int32]int64 {
	found, admin := map[int32]int64{}, kadm.NewClient(kafka)
	starts := must(admin.ListStartOffsets(context.Background(), topic))
	must(admin.ListEndOffsets(context.Background(), topic)).Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(topic, end.Partition); start.Offset < end.Offset {
			found[end.Partition] = end.Offset
		}
	})
	return found
}

func main() {
	issuers, leaf, said := certificates(os.Args[1]), certificates(os.Args[2])[0], ""
	topic := cmp.Or(os.Getenv("CERTMILL_PREFIX"), "certmill") + ".crl"
	// no group: every partition, from the start: a compacted topic holds every current CRL. Its last records may be markers of
	// transactions, which are kept here to see them pass
	kafka := must(kgo.NewClient(kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("CERTMILL_BROKERS"), "127.0.0.1:9092"), ",")...),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(64<<20),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()))
	left := ends(kafka, topic)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		kafka.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			take(string(r.Key), r.Value, issuers)
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
		cancel()
		if now := state(leaf); len(left) == 0 && now != said {
			fmt.Println(now)
			said = now
		}
	}
}
