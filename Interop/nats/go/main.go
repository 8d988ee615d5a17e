// Scenarios for nats.go against a running server: main SCENARIO URL [URL].
// Prints what it sees as one word a line, "ok" last; anything else is a failure.
package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const patience = 5 * time.Second

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail("unexpected: %v", err)
	}
}

func equal(what string, got, wanted interface{}) {
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		fail("%s: %v instead of %v", what, got, wanted)
	}
}

func connect(url string, options ...nats.Option) *nats.Conn {
	connection, err := nats.Connect(url, options...)
	must(err)
	return connection
}

func wait(what string, done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(patience):
		fail("waited in vain for %s", what)
	}
}

func publish(url string) {
	publisher, subscriber := connect(url), connect(url)
	defer publisher.Close()
	defer subscriber.Close()
	const count = 10000
	next := 0
	done := make(chan struct{})
	_, err := subscriber.Subscribe("go.publish.*", func(message *nats.Msg) {
		equal("payload", string(message.Data), fmt.Sprint(next))
		next++
		if next == count {
			close(done)
		}
	})
	must(err)
	must(subscriber.Flush())
	for index := 0; index < count; index++ {
		must(publisher.Publish(fmt.Sprintf("go.publish.%d", index%5), []byte(fmt.Sprint(index))))
	}
	must(publisher.Flush())
	wait("all messages", done)
}

func queue(url string) {
	publisher := connect(url)
	defer publisher.Close()
	const count, members = 900, 3
	var total int64
	var shares [members]int64
	done := make(chan struct{})
	for member := 0; member < members; member++ {
		member := member
		connection := connect(url)
		defer connection.Close()
		_, err := connection.QueueSubscribe("go.queue", "workers", func(*nats.Msg) {
			atomic.AddInt64(&shares[member], 1)
			if atomic.AddInt64(&total, 1) == count {
				close(done)
			}
		})
		must(err)
		must(connection.Flush())
	}
	for index := 0; index < count; index++ {
		must(publisher.Publish("go.queue", nil))
	}
	must(publisher.Flush())
	wait("all messages", done)
	for _, share := range shares {
		if share < count/10 {
			fail("uneven shares %v", shares)
		}
	}
}

func request(url string) {
	requester, responder := connect(url), connect(url)
	defer requester.Close()
	defer responder.Close()
	_, err := responder.QueueSubscribe("go.request", "q", func(message *nats.Msg) {
		must(message.Respond(append([]byte("re: "), message.Data...)))
	})
	must(err)
	must(responder.Flush())
	var group sync.WaitGroup
	for index := 0; index < 200; index++ {
		group.Add(1)
		go func(index int) {
			defer group.Done()
			reply, err := requester.Request("go.request", []byte(fmt.Sprint(index)), patience)
			must(err)
			equal("reply", string(reply.Data), fmt.Sprintf("re: %d", index))
		}(index)
	}
	group.Wait()
	_, err = requester.Request("go.nobody", nil, patience)
	if !errors.Is(err, nats.ErrNoResponders) {
		fail("no responders expected, got %v", err)
	}
	old := connect(url, nats.UseOldRequestStyle())
	defer old.Close()
	reply, err := old.Request("go.request", []byte("old"), patience)
	must(err)
	equal("old style reply", string(reply.Data), "re: old")
}

func headers(url string) {
	connection := connect(url)
	defer connection.Close()
	if !connection.HeadersSupported() {
		fail("headers are not supported")
	}
	subscription, err := connection.SubscribeSync("go.headers")
	must(err)
	message := nats.NewMsg("go.headers")
	message.Data = []byte("body")
	message.Header.Add("Color", "red")
	message.Header.Add("Color", "blue")
	message.Header.Set("Empty", "")
	message.Header["lower-case"] = []string{"kept"}
	must(connection.PublishMsg(message))
	got, err := subscription.NextMsg(patience)
	must(err)
	equal("payload", string(got.Data), "body")
	equal("values", got.Header.Values("Color"), []string{"red", "blue"})
	equal("empty", got.Header.Values("Empty"), []string{""})
	equal("case", got.Header["lower-case"], []string{"kept"})
}

func drain(url string) {
	publisher := connect(url)
	defer publisher.Close()
	closed := make(chan struct{})
	var got int64
	subscriber := connect(url, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	_, err := subscriber.Subscribe("go.drain", func(*nats.Msg) {
		time.Sleep(100 * time.Microsecond)
		atomic.AddInt64(&got, 1)
	})
	must(err)
	must(subscriber.Flush())
	for index := 0; index < 2000; index++ {
		must(publisher.Publish("go.drain", []byte("x")))
	}
	must(publisher.Flush())
	must(subscriber.Drain())
	wait("the drained connection to close", closed)
	equal("messages", got, 2000)
}

func unsubscribe(url string) {
	connection := connect(url)
	defer connection.Close()
	subscription, err := connection.SubscribeSync("go.unsubscribe")
	must(err)
	must(subscription.AutoUnsubscribe(3))
	for index := 0; index < 10; index++ {
		must(connection.Publish("go.unsubscribe", nil))
	}
	must(connection.Flush())
	for index := 0; index < 3; index++ {
		_, err = subscription.NextMsg(patience)
		must(err)
	}
	_, err = subscription.NextMsg(patience)
	if !errors.Is(err, nats.ErrMaxMessages) {
		fail("the maximum expected, got %v", err)
	}
}

func large(url string) {
	connection := connect(url)
	defer connection.Close()
	equal("limit", connection.MaxPayload(), 1048576)
	subscription, err := connection.SubscribeSync("go.large")
	must(err)
	must(connection.Publish("go.large", make([]byte, 1048576)))
	message, err := subscription.NextMsg(patience)
	must(err)
	equal("size", len(message.Data), 1048576)
	if err := connection.Publish("go.large", make([]byte, 1048577)); !errors.Is(err, nats.ErrMaxPayload) {
		fail("the limit expected, got %v", err)
	}
	_, err = connection.RTT()
	must(err)
}

// reconnect says "connected", loses the first server, and must go on with the second.
func reconnect(first, second string) {
	back := make(chan struct{})
	connection := connect(first+","+second,
		nats.DontRandomize(), nats.ReconnectWait(20*time.Millisecond), nats.MaxReconnects(100),
		nats.ReconnectHandler(func(*nats.Conn) { close(back) }))
	defer connection.Close()
	got := make(chan *nats.Msg, 10)
	_, err := connection.ChanSubscribe("go.reconnect", got)
	must(err)
	must(connection.Flush())
	fmt.Println("connected")
	wait("the reconnection", back)
	equal("server", connection.ConnectedUrl(), second)
	must(connection.Publish("go.reconnect", []byte("after")))
	select {
	case message := <-got:
		equal("payload", string(message.Data), "after")
	case <-time.After(patience):
		fail("nothing came after the reconnection")
	}
}

// lameduck says "connected" and must hear that its server is going away.
func lameduck(url string) {
	heard := make(chan struct{})
	connection := connect(url, nats.NoReconnect(),
		nats.LameDuckModeHandler(func(*nats.Conn) { close(heard) }))
	defer connection.Close()
	fmt.Println("connected")
	wait("the lame duck notice", heard)
}

// Publishes with acknowledgement, pulls, pushes, and looks at what is kept.
func jetstream(url string) {
	connection := connect(url)
	defer connection.Close()
	context, err := connection.JetStream(nats.MaxWait(patience))
	must(err)
	context.DeleteStream("GO")
	_, err = context.AddStream(&nats.StreamConfig{Name: "GO", Subjects: []string{"go.js.>"}})
	must(err)
	for index := 0; index < 100; index++ {
		ack, err := context.Publish(fmt.Sprintf("go.js.%d", index%10), []byte(fmt.Sprint(index)))
		must(err)
		equal("sequence", ack.Sequence, index+1)
	}
	again, err := context.Publish("go.js.x", nil, nats.MsgId("one"))
	must(err)
	twice, err := context.Publish("go.js.x", nil, nats.MsgId("one"))
	must(err)
	equal("duplicate", twice.Duplicate && twice.Sequence == again.Sequence, true)
	pull, err := context.PullSubscribe("go.js.>", "puller")
	must(err)
	got := 0
	for got < 101 {
		messages, err := pull.Fetch(30, nats.MaxWait(patience))
		must(err)
		for _, message := range messages {
			must(message.AckSync())
			got++
		}
	}
	info, err := pull.ConsumerInfo()
	must(err)
	equal("left", info.NumPending+uint64(info.NumAckPending), 0)
	ordered, err := context.SubscribeSync("go.js.3", nats.OrderedConsumer())
	must(err)
	for index := 3; index < 100; index += 10 {
		message, err := ordered.NextMsg(patience)
		must(err)
		equal("payload", string(message.Data), index)
	}
	last, err := context.GetLastMsg("GO", "go.js.7")
	must(err)
	equal("last", string(last.Data), 97)
	must(context.PurgeStream("GO"))
	must(context.DeleteStream("GO"))
	buckets(context)
}

// Keys and values, and an object.
func buckets(context nats.JetStreamContext) {
	context.DeleteKeyValue("GOKV")
	values, err := context.CreateKeyValue(&nats.KeyValueConfig{Bucket: "GOKV", History: 3})
	must(err)
	first, err := values.PutString("a", "1")
	must(err)
	_, err = values.Update("a", []byte("2"), first)
	must(err)
	if _, err = values.Update("a", []byte("3"), first); err == nil {
		fail("an update of an older revision was taken")
	}
	entry, err := values.Get("a")
	must(err)
	equal("value", string(entry.Value()), 2)
	must(values.Delete("a"))
	if _, err = values.Get("a"); !errors.Is(err, nats.ErrKeyNotFound) {
		fail("a deleted key: %v", err)
	}
	must(context.DeleteKeyValue("GOKV"))
	context.DeleteObjectStore("GOOBJ")
	objects, err := context.CreateObjectStore(&nats.ObjectStoreConfig{Bucket: "GOOBJ"})
	must(err)
	data := make([]byte, 400000)
	for index := range data {
		data[index] = byte(index)
	}
	_, err = objects.PutBytes("thing", data)
	must(err)
	back, err := objects.GetBytes("thing")
	must(err)
	equal("object", string(back) == string(data), true)
	must(context.DeleteObjectStore("GOOBJ"))
}

// A mirror and a stream with a source.
func origins(url string) {
	connection := connect(url)
	defer connection.Close()
	context, err := connection.JetStream(nats.MaxWait(patience))
	must(err)
	for _, name := range []string{"GOMIRROR", "GOSOURCED", "GOORIGIN"} {
		context.DeleteStream(name)
	}
	_, err = context.AddStream(&nats.StreamConfig{Name: "GOORIGIN", Subjects: []string{"go.o.*"}})
	must(err)
	_, err = context.AddStream(
		&nats.StreamConfig{Name: "GOMIRROR", Mirror: &nats.StreamSource{Name: "GOORIGIN"}})
	must(err)
	_, err = context.AddStream(&nats.StreamConfig{Name: "GOSOURCED",
		Sources: []*nats.StreamSource{{Name: "GOORIGIN", FilterSubject: "go.o.1"}}})
	must(err)
	for index := 0; index < 10; index++ {
		_, err = context.Publish(fmt.Sprintf("go.o.%d", index%2), []byte(fmt.Sprint(index)))
		must(err)
	}
	for name, count := range map[string]uint64{"GOMIRROR": 10, "GOSOURCED": 5} {
		for end := time.Now().Add(2 * patience); ; {
			info, err := context.StreamInfo(name)
			must(err)
			if info.State.Msgs == count {
				break
			}
			if time.Now().After(end) {
				fail("%s has %d messages", name, info.State.Msgs)
			}
		}
	}
	message, err := context.GetMsg("GOMIRROR", 8)
	must(err)
	equal("mirrored", string(message.Data), 7)
}

// A batch that is kept as one, and in it a message that is sent on later.
func batches(url string) {
	connection := connect(url)
	defer connection.Close()
	context, err := connection.JetStream(nats.MaxWait(patience))
	must(err)
	context.DeleteStream("GOBATCH")
	_, err = connection.Request("$JS.API.STREAM.CREATE.GOBATCH", []byte(
		`{"name":"GOBATCH","subjects":["go.batch.>"],"allow_atomic":true,"allow_msg_schedules":true}`,
	), patience)
	must(err)
	const count = 5
	send := func(number int, subject string, more ...string) []byte {
		message := nats.NewMsg(subject)
		message.Data = []byte(fmt.Sprint(number))
		message.Header.Set("Nats-Batch-Id", "go")
		message.Header.Set("Nats-Batch-Sequence", fmt.Sprint(number))
		for index := 0; index < len(more); index += 2 {
			message.Header.Set(more[index], more[index+1])
		}
		answer, err := connection.RequestMsg(message, patience)
		must(err)
		return answer.Data
	}
	for number := 1; number < count-1; number++ {
		equal("answer", string(send(number, "go.batch.a")), "")
	}
	moment := time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)
	send(count-1, "go.batch.plan",
		"Nats-Schedule", "@at "+moment, "Nats-Schedule-Target", "go.batch.sent")
	info, err := context.StreamInfo("GOBATCH")
	must(err)
	equal("messages before the end", info.State.Msgs, 0)
	done := send(count, "go.batch.a", "Nats-Batch-Commit", "1")
	equal("answer", string(done), `{"stream":"GOBATCH","seq":5,"batch":"go","count":5}`)
	sent, err := context.SubscribeSync("go.batch.sent", nats.OrderedConsumer())
	must(err)
	message, err := sent.NextMsg(4 * patience)
	must(err)
	equal("payload", string(message.Data), count-1)
	equal("scheduler", message.Header.Get("Nats-Scheduler"), "go.batch.plan")
	must(context.DeleteStream("GOBATCH"))
}

func main() {
	scenarios := map[string]func(){
		"jetstream":   func() { jetstream(os.Args[2]) },
		"batches":     func() { batches(os.Args[2]) },
		"origins":     func() { origins(os.Args[2]) },
		"publish":     func() { publish(os.Args[2]) },
		"queue":       func() { queue(os.Args[2]) },
		"request":     func() { request(os.Args[2]) },
		"headers":     func() { headers(os.Args[2]) },
		"drain":       func() { drain(os.Args[2]) },
		"unsubscribe": func() { unsubscribe(os.Args[2]) },
		"large":       func() { large(os.Args[2]) },
		"reconnect":   func() { reconnect(os.Args[2], os.Args[3]) },
		"lameduck":    func() { lameduck(os.Args[2]) },
	}
	if len(os.Args) < 3 || scenarios[os.Args[1]] == nil {
		fail("usage: %s SCENARIO URL [URL]", os.Args[0])
	}
	scenarios[os.Args[1]]()
	fmt.Println("ok")
}
