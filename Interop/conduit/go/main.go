// A service that speaks the wire format of Conduit for Go, as docs/conduit.md states it: two
// subscriptions, the first acknowledgement wins, chunks of 16 KiB, no flow control.
//
//	main COMMAND URL SERVICE [ARGUMENTS]
//
// Prints one line for each thing that happens, "ready" when it listens.
//
//	serve      binds NAME... : "all:NAME" every message, "one:NAME" as a queue, "echo:NAME" replies
//	           with what came, "count:NAME" replies with the number of bytes
//	send       EVENT SIZE: sends SIZE bytes and prints "sent"
//	fail       EVENT: sends one chunk, and one that says that the source failed
//	request    EVENT TEXT COUNT: COUNT requests, one after the other, and prints each reply
//	sink       EVENT: reads streams and prints their sizes and speeds
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	chunkSize   = 16384
	ackTimeout  = 5 * time.Second
	chunkGap    = 5 * time.Minute
	namespace   = "conduit.conduit."
	tokenSigns  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	replyWaits  = 10 * time.Second
	pendingMsgs = 512 * 1024
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "unexpected:", err)
		os.Exit(1)
	}
}

// MessagePack, as far as the frames need it.

func putText(out *bytes.Buffer, text string) {
	switch n := len(text); {
	case n < 32:
		out.WriteByte(0xa0 | byte(n))
	case n < 256:
		out.Write([]byte{0xd9, byte(n)})
	default:
		out.Write([]byte{0xda, byte(n >> 8), byte(n)})
	}
	out.WriteString(text)
}

func putBytes(out *bytes.Buffer, data []byte) {
	if n := len(data); n < 256 {
		out.Write([]byte{0xc4, byte(n)})
	} else {
		out.Write([]byte{0xc5, byte(n >> 8), byte(n)})
	}
	out.Write(data)
}

func putInt(out *bytes.Buffer, n int) {
	switch {
	case n < 128:
		out.WriteByte(byte(n))
	case n < 256:
		out.Write([]byte{0xcc, byte(n)})
	case n < 65536:
		out.Write([]byte{0xcd, byte(n >> 8), byte(n)})
	default:
		out.Write([]byte{0xce, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
}

var errFrame = errors.New("not a frame")

type reader struct{ data []byte }

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.data) {
		return nil, errFrame
	}
	taken := r.data[:n]
	r.data = r.data[n:]
	return taken, nil
}

func (r *reader) size(width int) (int, error) {
	raw, err := r.take(width)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[8-width:], raw)
	return int(binary.BigEndian.Uint64(wide[:])), nil
}

// value reads anything: a map of text to values, a list, text, bytes, an int, a bool or nil.
func (r *reader) value() (interface{}, error) {
	head, err := r.take(1)
	if err != nil {
		return nil, err
	}
	sized := func(width int) ([]byte, error) {
		n, err := r.size(width)
		if err != nil {
			return nil, err
		}
		return r.take(n)
	}
	switch b := head[0]; {
	case b < 0x80:
		return int(b), nil
	case b < 0x90:
		return r.pairs(int(b & 0x0f))
	case b < 0xa0:
		return r.list(int(b & 0x0f))
	case b < 0xc0:
		raw, err := r.take(int(b & 0x1f))
		return string(raw), err
	case b == 0xc0:
		return nil, nil
	case b == 0xc2, b == 0xc3:
		return b == 0xc3, nil
	case b == 0xc4, b == 0xc5, b == 0xc6:
		return sized(1 << (b - 0xc4))
	case b >= 0xcc && b <= 0xcf:
		return r.size(1 << (b - 0xcc))
	case b == 0xd9, b == 0xda, b == 0xdb:
		raw, err := sized(1 << (b - 0xd9))
		return string(raw), err
	}
	return nil, errFrame
}

func (r *reader) pairs(n int) (interface{}, error) {
	pairs := map[string]interface{}{}
	for ; n > 0; n-- {
		key, err := r.value()
		if err != nil {
			return nil, err
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		if name, isText := key.(string); isText {
			pairs[name] = value
		}
	}
	return pairs, nil
}

func (r *reader) list(n int) (interface{}, error) {
	for ; n > 0; n-- {
		if _, err := r.value(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func readFrame(data []byte) (map[string]interface{}, error) {
	value, err := (&reader{data}).value()
	if err != nil {
		return nil, err
	}
	pairs, isMap := value.(map[string]interface{})
	if !isMap {
		return nil, errFrame
	}
	return pairs, nil
}

func text(frame map[string]interface{}, key string) string {
	value, _ := frame[key].(string)
	return value
}

// Service names in subjects.

func subject(service string) string {
	var out strings.Builder
	var previous rune
	for _, r := range service {
		switch {
		case r >= 'A' && r <= 'Z' && previous >= 'a' && previous <= 'z':
			out.WriteRune('-')
			out.WriteRune(r + 'a' - 'A')
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9',
			r == '-', r == '.', r == '*':
			out.WriteRune(r)
		case r == '_':
			out.WriteRune('-')
		}
		previous = r
	}
	return namespace + out.String()
}

// Sending.

func chunkFrame(index int, data []byte, failure string, isEnd bool) []byte {
	var out bytes.Buffer
	out.Grow(len(data) + 64)
	count := 1
	for _, isThere := range []bool{len(data) > 0, failure != "", isEnd} {
		if isThere {
			count++
		}
	}
	out.WriteByte(0x80 | byte(count))
	putText(&out, "index")
	putInt(&out, index)
	if len(data) > 0 {
		putText(&out, "data")
		putBytes(&out, data)
	}
	if failure != "" {
		putText(&out, "error")
		putText(&out, failure)
	}
	if isEnd {
		putText(&out, "isEof")
		out.WriteByte(0xc3)
	}
	return out.Bytes()
}

type peer struct {
	connection *nats.Conn
	service    string
	mutex      sync.Mutex
	all, one   map[string]func(source, reply string, body io.Reader)
}

// handshake asks for somebody who takes the message, and returns where the chunks go.
func (p *peer) handshake(service, event, reply string) (string, error) {
	var out bytes.Buffer
	out.WriteByte(0x83)
	putText(&out, "sourceServiceName")
	putText(&out, p.service)
	putText(&out, "replySubject")
	putText(&out, reply)
	putText(&out, "subject")
	putText(&out, event)
	answer, err := p.connection.Request(subject(service), out.Bytes(), ackTimeout)
	if err != nil {
		return "", err
	}
	frame, err := readFrame(answer.Data)
	if err != nil {
		return "", err
	}
	return text(frame, "dataSubject"), nil
}

func (p *peer) send(service, event, reply string, body io.Reader) error {
	to, err := p.handshake(service, event, reply)
	if err != nil {
		return err
	}
	buffer := make([]byte, chunkSize)
	for index := 0; ; index++ {
		n, err := body.Read(buffer)
		isEnd := err == io.EOF
		if err != nil && !isEnd {
			return err
		}
		if err := p.connection.Publish(to, chunkFrame(index, buffer[:n], "", isEnd)); err != nil {
			return err
		}
		if isEnd {
			return nil
		}
	}
}

// Receiving.

// stream subscribes to a new inbox, acknowledges, and pipes what arrives.
func (p *peer) receive(message *nats.Msg, bindings map[string]func(string, string, io.Reader)) {
	frame, err := readFrame(message.Data)
	if err != nil || message.Reply == "" {
		return
	}
	inbox := nats.NewInbox()
	subscription, err := p.connection.SubscribeSync(inbox)
	if err != nil {
		return
	}
	must(subscription.SetPendingLimits(pendingMsgs, -1))
	var ack bytes.Buffer
	ack.WriteByte(0x81)
	putText(&ack, "dataSubject")
	putText(&ack, inbox)
	must(message.Respond(ack.Bytes()))
	source, sink := io.Pipe()
	p.mutex.Lock()
	handler := bindings[text(frame, "subject")]
	p.mutex.Unlock()
	if handler == nil {
		// As the original: acknowledged, and never read.
		go pump(subscription, sink)
		return
	}
	go pump(subscription, sink)
	go handler(text(frame, "sourceServiceName"), text(frame, "replySubject"), source)
}

func pump(subscription *nats.Subscription, sink *io.PipeWriter) {
	defer subscription.Unsubscribe()
	for {
		message, err := subscription.NextMsg(chunkGap)
		if err != nil {
			sink.CloseWithError(err)
			return
		}
		frame, err := readFrame(message.Data)
		if err != nil {
			sink.CloseWithError(err)
			return
		}
		if failure := text(frame, "error"); failure != "" {
			sink.CloseWithError(errors.New(failure))
			return
		}
		switch data := frame["data"].(type) {
		case []byte:
			sink.Write(data)
		case string:
			io.WriteString(sink, data)
		}
		if isEnd, _ := frame["isEof"].(bool); isEnd {
			sink.Close()
			return
		}
	}
}

func (p *peer) listen() {
	name := subject(p.service)
	_, err := p.connection.Subscribe(name, func(message *nats.Msg) { p.receive(message, p.all) })
	must(err)
	_, err = p.connection.QueueSubscribe(
		name, name, func(message *nats.Msg) { p.receive(message, p.one) })
	must(err)
	must(p.connection.Flush())
}

func token() string {
	raw := make([]byte, 32)
	_, err := rand.Read(raw)
	must(err)
	for index := range raw {
		raw[index] = tokenSigns[raw[index]%64]
	}
	return string(raw)
}

// What it does.

var printing sync.Mutex

func say(format string, arguments ...interface{}) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Printf(format+"\n", arguments...)
}

func (p *peer) bind(word string) {
	kind, event, _ := strings.Cut(word, ":")
	show := func(source, reply string, body io.Reader) {
		whole, err := io.ReadAll(body)
		if err != nil {
			say("%s failed %v", word, err)
		} else if len(whole) > 64 {
			say("%s bytes %d", word, len(whole))
		} else {
			say("%s text %s", word, whole)
		}
	}
	switch kind {
	case "all":
		p.all[event] = show
	case "one":
		p.one[event] = show
	case "echo":
		p.one[event] = func(source, reply string, body io.Reader) {
			if err := p.send(source, reply, "", body); err != nil {
				say("%s failed %v", word, err)
			}
		}
	case "count":
		p.one[event] = func(source, reply string, body io.Reader) {
			n, err := io.Copy(io.Discard, body)
			if err == nil {
				err = p.send(source, reply, "", strings.NewReader(fmt.Sprint(n)))
			}
			if err != nil {
				say("%s failed %v", word, err)
			}
		}
	}
}

func (p *peer) request(service, event, body string) (string, error) {
	reply := token()
	answers := make(chan io.Reader, 4)
	// Before the request goes out, where the original binds behind it.
	p.mutex.Lock()
	p.all[reply] = func(_, _ string, body io.Reader) { answers <- body }
	p.mutex.Unlock()
	if err := p.send(service, event, reply, strings.NewReader(body)); err != nil {
		return "", err
	}
	select {
	case answer := <-answers:
		whole, err := io.ReadAll(answer)
		return string(whole), err
	case <-time.After(replyWaits):
		return "", errors.New("no reply")
	}
}

type zeros struct{ left int }

func (z *zeros) Read(into []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := len(into)
	if n > z.left {
		n = z.left
	}
	z.left -= n
	return n, nil
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peakKiB is not Getrusage's, which counts what the process was before this program was its own.
func peakKiB() string {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	return strings.Fields(rest)[0]
}

// cost says what was used since then: microseconds, those of the processor, peak resident KiB.
func cost(began time.Time, used time.Duration) string {
	wall := time.Since(began)
	return fmt.Sprintf("%d %d %s",
		wall.Microseconds(), (processorTime() - used).Microseconds(), peakKiB())
}

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: main COMMAND URL SERVICE ARGUMENTS")
		os.Exit(2)
	}
	// Ends with its server, if nobody ends it before.
	connection, err := nats.Connect(os.Args[2], nats.NoReconnect(),
		nats.ClosedHandler(func(*nats.Conn) { os.Exit(3) }))
	must(err)
	type handlers = map[string]func(string, string, io.Reader)
	p := &peer{connection: connection, service: os.Args[3], all: handlers{}, one: handlers{}}
	arguments := os.Args[4:]
	switch os.Args[1] {
	case "serve":
		for _, word := range arguments {
			p.bind(word)
		}
		p.listen()
		say("ready")
		select {}
	case "send":
		size, err := strconv.Atoi(arguments[1])
		must(err)
		began, used := time.Now(), processorTime()
		must(p.send(p.service, arguments[0], "", &zeros{size}))
		must(connection.Flush())
		say("sent %s", cost(began, used))
	case "fail":
		to, err := p.handshake(p.service, arguments[0], "")
		must(err)
		must(connection.Publish(to, chunkFrame(0, []byte("begun"), "", false)))
		must(connection.Publish(to, chunkFrame(1, nil, "the disk is full", false)))
		must(connection.Flush())
		say("sent")
	case "request":
		count, err := strconv.Atoi(arguments[2])
		must(err)
		target := p.service
		p.service = "go-asker"
		p.listen()
		for index := 0; index < count; index++ {
			answer, err := p.request(target, arguments[0], arguments[1])
			if err != nil {
				say("failed %v", err)
			} else {
				say("reply %s", answer)
			}
		}
	case "sink":
		p.all[arguments[0]] = func(_, _ string, body io.Reader) {
			began, used := time.Now(), processorTime()
			n, err := io.Copy(io.Discard, body)
			if err != nil {
				say("failed %v", err)
				return
			}
			say("read %d %s", n, cost(began, used))
		}
		// Once: of two subscriptions the first answer's gets the stream of a sender in Go, read or not,
		// and both get that of one in Swift.
		name := subject(p.service)
		_, err := p.connection.Subscribe(name, func(message *nats.Msg) { p.receive(message, p.all) })
		must(err)
		must(p.connection.Flush())
		say("ready")
		select {}
	default:
		fmt.Fprintln(os.Stderr, "no such command:", os.Args[1])
		os.Exit(2)
	}
}
