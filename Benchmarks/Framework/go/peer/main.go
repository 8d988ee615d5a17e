// The other end of the framework's benchmarks: framework-peer ADDRESS. Feeds consumers, answers
// requests, makes requests, as it is told on bench.feed and bench.drive.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	step     = 4096
	window   = 8 * step
	inFlight = 64
	patience = 60 * time.Second
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type order struct {
	count, size int
	headers     bool
}

func read(message *nats.Msg) order {
	var numbers [3]int
	words := strings.Fields(string(message.Data))
	for index := range numbers {
		number, err := strconv.Atoi(words[index])
		must(err)
		numbers[index] = number
	}
	return order{numbers[0], numbers[1], numbers[2] != 0}
}

// The headers that the framework writes.
func headers() nats.Header {
	return nats.Header{
		"Nats-Msg-Id":  []string{nuid.Next()},
		"Content-Type": []string{"application/octet-stream"},
		"Godwit-Time":  []string{strconv.FormatInt(time.Now().UnixNano(), 10)},
	}
}

func feed(connection *nats.Conn, told order, credits chan struct{}) {
	for len(credits) > 0 {
		<-credits
	}
	body := make([]byte, told.size)
	for index := 0; index < told.count; index++ {
		// The first steps are free; then each is earned.
		if index >= window && index%step == 0 {
			<-credits
		}
		if told.headers {
			must(connection.PublishMsg(
				&nats.Msg{Subject: "bench.data", Header: headers(), Data: body}))
		} else {
			must(connection.Publish("bench.data", body))
		}
	}
	must(connection.Flush())
}

func drive(connection *nats.Conn, told order) {
	body := make([]byte, told.size)
	var group sync.WaitGroup
	for place := 0; place < inFlight; place++ {
		share := told.count / inFlight
		if place < told.count%inFlight {
			share++
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for index := 0; index < share; index++ {
				request := &nats.Msg{Subject: "bench.answer", Data: body}
				if told.headers {
					request.Header = headers()
				}
				_, err := connection.RequestMsg(request, patience)
				must(err)
			}
		}()
	}
	group.Wait()
	must(connection.Publish("bench.done", nil))
	must(connection.Flush())
}

func main() {
	connection, err := nats.Connect("nats://" + os.Args[1])
	must(err)
	credits := make(chan struct{}, 1<<20)
	orders := make(chan func(), 16)
	subscribe := func(subject string, handler nats.MsgHandler) {
		_, err := connection.Subscribe(subject, handler)
		must(err)
	}
	subscribe("bench.credit", func(*nats.Msg) { credits <- struct{}{} })
	subscribe("bench.ask", func(message *nats.Msg) { must(message.Respond(message.Data)) })
	subscribe("bench.feed", func(message *nats.Msg) {
		orders <- func() { feed(connection, read(message), credits) }
	})
	subscribe("bench.drive", func(message *nats.Msg) {
		orders <- func() { drive(connection, read(message)) }
	})
	must(connection.Flush())
	fmt.Println("ready")
	for work := range orders {
		work()
	}
}
