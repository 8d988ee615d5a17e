// Scenarios for Sarama against a running server: main [OPTIONS] SCENARIO ADDRESS TOPIC [ARGUMENT ...].
// Prints "ok" last; anything else is a failure.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io/ioutil"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/Shopify/sarama"
	"github.com/xdg-go/scram"
)

const patience = 30 * time.Second

var (
	mechanism = flag.String("sasl", "", "PLAIN or SCRAM-SHA-256")
	user      = flag.String("user", "", "")
	password  = flag.String("password", "", "")
	authority = flag.String("authority", "", "a file: TLS, trusting this one")
	identity  = flag.String("identity", "", "files without .pem and .key: a certificate of one's own")
	codec     = flag.String("codec", "none", "of what is produced")
	isolated  = flag.Bool("committed", false, "read what is committed")
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
	"zstd": sarama.CompressionZSTD,
}

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

type exchange struct {
	*scram.Client
	*scram.ClientConversation
}

func (e *exchange) Begin(user, password, authorization string) (err error) {
	if e.Client, err = scram.SHA256.NewClient(user, password, authorization); err == nil {
		e.ClientConversation = e.NewConversation()
	}
	return
}

func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.ClientID = "sarama"
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Compression = codecs[*codec]
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.CommitInterval = 100 * time.Millisecond
	// With it commits are of version 2, the lowest that Kafka 4 has.
	config.Consumer.Offsets.Retention = time.Hour
	config.Consumer.Group.Session.Timeout = 25 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Metadata.Retry.Max = 1
	if *isolated {
		config.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	if *mechanism != "" {
		config.Net.SASL.Enable = true
		config.Net.SASL.Mechanism = sarama.SASLMechanism(*mechanism)
		config.Net.SASL.User, config.Net.SASL.Password = *user, *password
		config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &exchange{} }
	}
	if *authority != "" {
		certificates := x509.NewCertPool()
		text, err := ioutil.ReadFile(*authority)
		must(err)
		certificates.AppendCertsFromPEM(text)
		config.Net.TLS.Enable = true
		config.Net.TLS.Config = &tls.Config{RootCAs: certificates}
		if *identity != "" {
			own, err := tls.LoadX509KeyPair(*identity+".pem", *identity+".key")
			must(err)
			config.Net.TLS.Config.Certificates = []tls.Certificate{own}
		}
	}
	return config
}

func value(number int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%d ", number)), 1+number%50)
}

func made(number int) time.Time { return time.Unix(1600000000+int64(number), 123e6) }

func message(topic string, number int) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{
		Topic: topic, Key: sarama.StringEncoder(fmt.Sprint("key ", number)),
		Value: sarama.ByteEncoder(value(number)), Timestamp: made(number),
		Headers: []sarama.RecordHeader{
			{Key: []byte("n"), Value: []byte(fmt.Sprint(number))}, {Key: []byte("n")},
		},
	}
}

// produce sends messages in batches and says where each came to.
func produce(config *sarama.Config, address, topic string, from, to int) {
	config.Producer.Flush.Messages = 40
	config.Producer.Flush.Frequency = 10 * time.Millisecond
	producer, err := sarama.NewAsyncProducer([]string{address}, config)
	must(err)
	go func() {
		for number := from; number < to; number++ {
			producer.Input() <- message(topic, number)
		}
	}()
	for number := from; number < to; number++ {
		select {
		case sent := <-producer.Successes():
			equal("the offset of "+fmt.Sprint(sent.Key), sent.Offset, number)
		case failed := <-producer.Errors():
			fail("not acknowledged: %v", failed.Err)
		case <-time.After(patience):
			fail("acknowledgement %d did not come", number)
		}
	}
	must(producer.Close())
}

func consume(config *sarama.Config, address, topic string, from int64, count int,
	each func(int, *sarama.ConsumerMessage)) {
	consumer, err := sarama.NewConsumer([]string{address}, config)
	must(err)
	partition, err := consumer.ConsumePartition(topic, 0, from)
	must(err)
	for number := 0; number < count; number++ {
		select {
		case got := <-partition.Messages():
			each(number, got)
		case failed := <-partition.Errors():
			fail("reading %d: %v", number, failed.Err)
		case <-time.After(patience):
			fail("message %d did not come", number)
		}
	}
	must(partition.Close())
	must(consumer.Close())
}

func check(number int, got *sarama.ConsumerMessage) {
	equal("offset", got.Offset, number)
	equal("key", string(got.Key), fmt.Sprint("key ", number))
	equal("value", string(got.Value), string(value(number)))
	equal("time", got.Timestamp.UnixNano(), made(number).UnixNano())
	equal("headers", len(got.Headers), 2)
	equal("a header", string(got.Headers[0].Value), fmt.Sprint(number))
	equal("the other header", string(got.Headers[1].Key), "n")
}

// both writes and reads again.
func both(address, topic string, _ []string) {
	produce(settings(), address, topic, 0, 500)
	consume(settings(), address, topic, sarama.OffsetOldest, 500, check)
	consume(settings(), address, topic, 317, 100, func(number int, got *sarama.ConsumerMessage) {
		check(317+number, got)
	})
}

// read prints so many values.
func read(address, topic string, arguments []string) {
	count, err := strconv.Atoi(arguments[0])
	must(err)
	consume(settings(), address, topic, sarama.OffsetOldest, count,
		func(_ int, got *sarama.ConsumerMessage) { fmt.Println(string(got.Value)) })
}

func idempotent(address, topic string, _ []string) {
	for life := 0; life < 2; life++ {
		config := settings()
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
		produce(config, address, topic, life*300, life*300+300)
	}
	consume(settings(), address, topic, sarama.OffsetOldest, 600, check)
}

func acks(address, topic string, _ []string) {
	offset := int64(0)
	for _, wanted := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		config := settings()
		config.Producer.RequiredAcks = wanted
		producer, err := sarama.NewSyncProducer([]string{address}, config)
		must(err)
		for number := 0; number < 20; number++ {
			_, got, err := producer.SendMessage(message(topic, int(offset)))
			must(err)
			if wanted != sarama.NoResponse {
				equal("offset", got, offset)
			}
			offset++
		}
		must(producer.Close())
		// Without an answer, that it is there is seen by reading it.
		consume(settings(), address, topic, sarama.OffsetOldest, int(offset), check)
	}
}

func refused(address, topic string, arguments []string) {
	_, err := sarama.NewSyncProducer([]string{address}, settings())
	if err == nil {
		fail("it got in")
	}
	fmt.Println(err)
}

// member is one of a group, which says what it has and what it reads.
type member struct {
	group   sarama.ConsumerGroup
	lock    sync.Mutex
	changed *sync.Cond
	claims  []int32
	found   map[string]bool
	stop    context.CancelFunc
	done    chan struct{}
}

func join(address, group, topic, strategy string) *member {
	config := settings()
	config.Consumer.Group.Rebalance.Strategy = map[string]sarama.BalanceStrategy{
		"range": sarama.BalanceStrategyRange, "roundrobin": sarama.BalanceStrategyRoundRobin,
	}[strategy]
	joined, err := sarama.NewConsumerGroup([]string{address}, group, config)
	must(err)
	one := &member{group: joined, found: map[string]bool{}, done: make(chan struct{})}
	one.changed = sync.NewCond(&one.lock)
	running, stop := context.WithCancel(context.Background())
	one.stop = stop
	go func() {
		for failed := range joined.Errors() {
			fmt.Fprintln(os.Stderr, "a member:", failed)
		}
	}()
	go func() {
		for running.Err() == nil {
			if err := joined.Consume(running, []string{topic}, one); err != nil {
				fail("consuming: %v", err)
			}
		}
		must(joined.Close())
		close(one.done)
	}()
	return one
}

func (m *member) note(change func()) {
	m.lock.Lock()
	change()
	m.changed.Broadcast()
	m.lock.Unlock()
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.note(func() {
		m.claims = nil
		for _, partitions := range session.Claims() {
			m.claims = append(m.claims, partitions...)
		}
	})
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.note(func() { m.claims = nil })
	return nil
}

func (m *member) ConsumeClaim(
	session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for got := range claim.Messages() {
		m.note(func() { m.found[string(got.Value)] = true })
		session.MarkMessage(got, "noted")
	}
	return nil
}

func (m *member) wait(what string, condition func() bool) {
	timer := time.AfterFunc(patience, func() { fail("in vain: %s; %v", what, m.claims) })
	m.lock.Lock()
	for !condition() {
		m.changed.Wait()
	}
	m.lock.Unlock()
	timer.Stop()
}

func (m *member) leave() {
	m.stop()
	<-m.done
}

// group has a topic of four partitions, of which members come and go.
func group(address, topic string, arguments []string) {
	strategy := arguments[0]
	config := settings()
	admin, err := sarama.NewClusterAdmin([]string{address}, config)
	must(err)
	must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 4, ReplicationFactor: 1}, false))
	must(admin.Close())
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	must(err)
	send := func(from, to int) {
		for number := from; number < to; number++ {
			_, _, err := producer.SendMessage(&sarama.ProducerMessage{
				Topic: topic, Partition: int32(number % 4), Value: sarama.StringEncoder(fmt.Sprint(number)),
			})
			must(err)
		}
	}
	send(0, 40)
	first := join(address, topic, topic, strategy)
	first.wait("all of it", func() bool { return len(first.claims) == 4 && len(first.found) == 40 })
	second := join(address, topic, topic, strategy)
	second.wait("a half", func() bool { return len(second.claims) == 2 })
	first.wait("the other half", func() bool { return len(first.claims) == 2 })
	send(40, 80)
	second.wait("the half of what is new", func() bool { return len(second.found) >= 20 })
	first.wait("its own half", func() bool { return len(first.found) >= 60 })
	first.leave()
	second.wait("everything", func() bool { return len(second.claims) == 4 })
	send(80, 120)
	second.wait("all that is new", func() bool { return len(second.found) >= 60 })
	second.leave()
	// What both had read was committed when they left: nothing came twice.
	equal("read by the first", len(first.found), 60)
	equal("read by the second", len(second.found), 60)

	client, err := sarama.NewClient([]string{address}, settings())
	must(err)
	manager, err := sarama.NewOffsetManagerFromClient(topic, client)
	must(err)
	for number := int32(0); number < 4; number++ {
		partition, err := manager.ManagePartition(topic, number)
		must(err)
		next, note := partition.NextOffset()
		equal("committed", next, 30)
		equal("the note", note, "noted")
		must(partition.Close())
	}
	must(manager.Close())
	must(producer.Close())
	must(client.Close())
}

func admin(address, topic string, _ []string) {
	config := settings()
	admin, err := sarama.NewClusterAdmin([]string{address}, config)
	must(err)
	kept, more := "123456789", "987654321"
	detail := &sarama.TopicDetail{
		NumPartitions: 3, ReplicationFactor: 1,
		ConfigEntries: map[string]*string{"retention.ms": &kept},
	}
	must(admin.CreateTopic(topic, detail, true))
	must(admin.CreateTopic(topic, detail, false))
	err = admin.CreateTopic(topic, detail, false)
	failed, isTopicError := err.(*sarama.TopicError)
	if !isTopicError || failed.Err != sarama.ErrTopicAlreadyExists {
		fail("made twice: %v", err)
	}
	must(admin.CreatePartitions(topic, 5, nil, false))
	described, err := admin.DescribeTopics([]string{topic})
	must(err)
	equal("partitions", len(described[0].Partitions), 5)
	brokers, _, err := admin.DescribeCluster()
	must(err)
	equal("brokers", len(brokers), 1)

	broker := brokers[0]
	must(broker.Open(config))
	retention := func() string {
		// The admin client asks in a version that Kafka 4 does not have any more.
		answer, err := broker.DescribeConfigs(&sarama.DescribeConfigsRequest{
			Version: 1, Resources: []*sarama.ConfigResource{
				{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}},
			},
		})
		must(err)
		equal("settings", len(answer.Resources[0].Configs), 1)
		return answer.Resources[0].Configs[0].Value
	}
	equal("retention", retention(), kept)
	must(admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &more}, true))
	equal("retention", retention(), kept)
	must(admin.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &more}, false))
	equal("retention", retention(), more)

	produce(settings(), address, topic, 0, 100)
	must(admin.DeleteRecords(topic, map[int32]int64{0: 42}))
	client, err := sarama.NewClient([]string{address}, config)
	must(err)
	controller, err := client.Controller()
	must(err)
	equal("the controller", controller.ID(), broker.ID())
	oldest, err := client.GetOffset(topic, 0, sarama.OffsetOldest)
	must(err)
	newest, err := client.GetOffset(topic, 0, sarama.OffsetNewest)
	must(err)
	timed, err := client.GetOffset(topic, 0, made(70).UnixNano()/1e6)
	must(err)
	equal("offsets", []int64{oldest, newest, timed}, []int64{42, 100, 70})
	consume(settings(), address, topic, sarama.OffsetOldest, 58,
		func(number int, got *sarama.ConsumerMessage) { check(42+number, got) })

	manager, err := sarama.NewOffsetManagerFromClient(topic, client)
	must(err)
	partition, err := manager.ManagePartition(topic, 0)
	must(err)
	partition.MarkOffset(77, "a note")
	must(partition.Close())
	must(manager.Close())
	offsets, err := admin.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {0, 1}})
	must(err)
	equal("committed", offsets.GetBlock(topic, 0).Offset, 77)
	equal("not committed", offsets.GetBlock(topic, 1).Offset, -1)
	groups, err := admin.ListConsumerGroups()
	must(err)
	if _, there := groups[topic]; !there {
		fail("the group is not among %v", groups)
	}
	of, err := admin.DescribeConsumerGroups([]string{topic})
	must(err)
	equal("the group", of[0].State, "Empty")
	deleted, err := broker.DeleteGroups(&sarama.DeleteGroupsRequest{Groups: []string{topic}})
	must(err)
	equal("deleting the group", deleted.GroupErrorCodes[topic], sarama.ErrNoError)

	must(admin.DeleteTopic(topic))
	must(client.RefreshMetadata())
	topics, err := client.Topics()
	must(err)
	for _, name := range topics {
		if name == topic {
			fail("the topic is still there")
		}
	}
	must(client.Close())
	must(admin.Close())
}

func main() {
	flag.Parse()
	scenarios := map[string]func(string, string, []string){
		"acks": acks, "admin": admin, "both": both, "group": group, "idempotent": idempotent,
		"read": read, "refused": refused,
	}
	scenario, known := scenarios[flag.Arg(0)]
	if !known {
		names := []string{}
		for name := range scenarios {
			names = append(names, name)
		}
		sort.Strings(names)
		fail("one of %v", names)
	}
	scenario(flag.Arg(1), flag.Arg(2), flag.Args()[3:])
	fmt.Println("ok")
}
