// FrameworkLoad's workloads with nats.go: the same key=value words, the same line of JSON. With
// headers=1 it sends the headers that the framework sends.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	step     = 4096
	inFlight = 64
	batch    = 100
	patience = 10 * time.Second
)

var (
	mode, address  = "", "127.0.0.1:4222"
	messages, size = 100000, 16
	hasHeaders     = false
	connection     *nats.Conn
	body           []byte
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func used() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(time syscall.Timeval) float64 { return float64(time.Sec) + float64(time.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

// Not Getrusage's, which counts what the process was before this program was its own.
func peakKiB() int {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	return number(strings.Fields(rest)[0])
}

// Runs the work for a tenth of the messages first, then for all of them, measured.
func measure(work func(count int)) {
	work(messages/10 + 1)
	before := used()
	start := time.Now()
	work(messages)
	after := used()
	fmt.Printf(
		"{\"messages\": %d, \"lost\": 0, \"client_cpu_us\": %g, \"rss_kib\": %d, \"seconds\": %g}\n",
		messages, (after-before)*1e6/float64(messages), peakKiB(), time.Since(start).Seconds())
}

func message(subject string) *nats.Msg {
	message := &nats.Msg{Subject: subject, Data: body}
	if hasHeaders {
		message.Header = nats.Header{
			"Nats-Msg-Id":  []string{nuid.Next()},
			"Content-Type": []string{"application/octet-stream"},
			"Godwit-Time":  []string{strconv.FormatInt(time.Now().UnixNano(), 10)},
		}
	}
	return message
}

func publish(subject string) {
	if hasHeaders {
		must(connection.PublishMsg(message(subject)))
	} else {
		must(connection.Publish(subject, body))
	}
}

func order(count int) []byte {
	headers := 0
	if hasHeaders {
		headers = 1
	}
	return []byte(fmt.Sprintf("%d %d %d", count, size, headers))
}

func send(count int) {
	for index := 0; index < count; index++ {
		publish("bench.data")
	}
	must(connection.Flush())
}

func confirm(count int) {
	for index := 0; index < count; index += batch {
		for place := 0; place < batch; place++ {
			publish("bench.data")
		}
		must(connection.Flush())
	}
}

func consumer() func(count int) {
	left := 0
	done := make(chan struct{})
	var lock sync.Mutex
	_, err := connection.Subscribe("bench.data", func(*nats.Msg) {
		lock.Lock()
		left--
		now := left
		lock.Unlock()
		if now%step == 0 {
			must(connection.Publish("bench.credit", nil))
		}
		if now == 0 {
			done <- struct{}{}
		}
	})
	must(err)
	must(connection.Flush())
	return func(count int) {
		lock.Lock()
		left = count
		lock.Unlock()
		must(connection.Publish("bench.feed", order(count)))
		<-done
	}
}

func request(count int) {
	var group sync.WaitGroup
	for place := 0; place < inFlight; place++ {
		share := count / inFlight
		if place < count%inFlight {
			share++
		}
		group.Add(1)
		go func() {
			defer group.Done()
			for index := 0; index < share; index++ {
				_, err := connection.RequestMsg(message("bench.ask"), patience)
				must(err)
			}
		}()
	}
	group.Wait()
}

func answerer() func(count int) {
	done := make(chan struct{}, 1)
	_, err := connection.QueueSubscribe("bench.answer", "bench.answer", func(asked *nats.Msg) {
		if hasHeaders {
			must(asked.RespondMsg(message(asked.Reply)))
		} else {
			must(asked.Respond(asked.Data))
		}
	})
	must(err)
	_, err = connection.Subscribe("bench.done", func(*nats.Msg) { done <- struct{}{} })
	must(err)
	must(connection.Flush())
	return func(count int) {
		must(connection.Publish("bench.drive", order(count)))
		<-done
	}
}

func main() {
	for _, word := range os.Args[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "mode":
			mode = value
		case "addr":
			address = value
		case "msgs":
			messages = number(value)
		case "size":
			size = number(value)
		case "headers":
			hasHeaders = number(value) != 0
		default:
			must(fmt.Errorf("what is %s?", word))
		}
	}
	body = make([]byte, size)
	var err error
	connection, err = nats.Connect("nats://" + address)
	must(err)
	switch mode {
	case "send":
		measure(send)
	case "publish":
		measure(confirm)
	case "consume":
		measure(consumer())
	case "request":
		measure(request)
	case "answer":
		measure(answerer())
	default:
		must(fmt.Errorf("what is mode=%s?", mode))
	}
}
