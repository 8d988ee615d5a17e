import Godwit
import GodwitEmbedded
import NIOCore
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite(.timeLimit(.minutes(1))) struct EmbeddedCloudEventTests {
  struct Order: Codable, Hashable, Sendable {
    var id: Int
    var note: String
  }

  private func event(_ order: Order?) -> CloudEvent<Order> {
    CloudEvent(
      id: "A-1", source: "/shop?x=1", type: "org.example.created", subject: "grün 1",
      time: Date(timeIntervalSince1970: 1_522_949_460.5), dataSchema: "https://example.org/s",
      extensions: ["traceparent": "00-ab", "sampled": true, "rate": 5], data: order)
  }

  /// What a subscriber of the topic gets, and the message behind it.
  private func received<Payload: Sendable>(
    _ event: CloudEvent<Payload>, _ topic: Topic<CloudEvent<Payload>>, on broker: Broker
  ) async throws -> (CloudEvent<Payload>, Message) {
    let seen = Collector<Delivery<CloudEvent<Payload>>>()
    let work = Subscription(to: topic, on: broker) {
      seen.add($0)
      return .ack
    }
    return try await work.whileRunning {
      try await broker.publish(event, to: topic, headers: ["other": "1"])
      let delivery = await seen.wait(for: 1)[0]
      return (delivery.payload, delivery.message)
    }
  }

  @Test func binaryMode() async throws {
    try await withEmbeddedBroker { broker in
      let event = self.event(Order(id: 7, note: "é"))
      let (back, message) = try await self.received(event, Topic("orders"), on: broker)
      #expect(message.contentType == "application/json")
      #expect(message.body == ByteBuffer(string: #"{"id":7,"note":"é"}"#))
      #expect(
        message.headers == [
          "other": "1", "ce-specversion": "1.0", "ce-id": "A-1", "ce-source": "/shop?x=1",
          "ce-type": "org.example.created", "ce-subject": "gr%C3%BCn%201",
          "ce-time": "2018-04-05T17:31:00.5Z", "ce-dataschema": "https://example.org/s",
          "ce-rate": "5", "ce-sampled": "true", "ce-traceparent": "00-ab",
          "ce-datacontenttype": "application/json",
        ])
      var expected = event
      expected.dataContentType = "application/json"
      expected.extensions = ["traceparent": "00-ab", "sampled": "true", "rate": "5"]
      #expect(back == expected)
    }
  }

  @Test func structuredMode() async throws {
    try await withEmbeddedBroker { broker in
      let event = self.event(Order(id: 7, note: "é"))
      let topic = Topic<CloudEvent<Order>>("orders", contentType: CloudEventFormat.json)
      let (back, message) = try await self.received(event, topic, on: broker)
      #expect(message.contentType == "application/cloudevents+json")
      #expect(message.headers == ["other": "1"])
      #expect(
        String(buffer: message.body)
          == #"{"specversion":"1.0","id":"A-1","source":"/shop?x=1","type":"org.example.created","#
          + #""subject":"grün 1","time":"2018-04-05T17:31:00.5Z","#
          + #""dataschema":"https://example.org/s","rate":5,"sampled":true,"traceparent":"00-ab","#
          + #""datacontenttype":"application/json","data":{"id":7,"note":"é"}}"#)
      var expected = event
      expected.dataContentType = "application/json"
      #expect(back == expected)
    }
  }

  @Test(arguments: ["application/json", CloudEventFormat.json])
  func anEventWithoutData(_ contentType: String) async throws {
    try await withEmbeddedBroker { broker in
      let topic = Topic<CloudEvent<Order>>("orders", contentType: contentType)
      let (back, _) = try await self.received(self.event(nil), topic, on: broker)
      #expect(back.data == nil && back.dataContentType == nil && back.id == "A-1")
    }
  }

  @Test(arguments: ["text/plain", CloudEventFormat.json])
  func textAndBytes(_ contentType: String) async throws {
    try await withEmbeddedBroker { broker in
      let text = CloudEvent(source: "/a", type: "t", data: "a \"b\"\n")
      let (backText, message) = try await self.received(
        text, Topic("text", contentType: contentType), on: broker)
      #expect(backText.data == "a \"b\"\n")
      if contentType == CloudEventFormat.json {
        #expect(String(buffer: message.body).hasSuffix(#","data":"a \"b\"\n"}"#))
      }
      let bytes = CloudEvent(
        source: "/a", type: "t", dataContentType: "image/png", data: [0, 255] as [UInt8])
      let (backBytes, second) = try await self.received(
        bytes, Topic("bytes", contentType: contentType), on: broker)
      #expect(backBytes.data == [0, 255])
      #expect(backBytes.dataContentType == "image/png")
      if contentType == CloudEventFormat.json {
        #expect(String(buffer: second.body).hasSuffix(#","data_base64":"AP8="}"#))
      }
    }
  }

  /// What somebody else wrote, as a topic of events reads it.
  private func read<Payload: Sendable>(
    _ type: Payload.Type, _ message: Message, binding: CloudEventBinding = .defaults
  ) async throws -> CloudEvent<Payload> {
    let driver = BoundDriver(binding: binding)
    let broker = Broker(driver)
    let topic = Topic<CloudEvent<Payload>>("events")
    let dead = Collector<String>()
    let seen = Collector<CloudEvent<Payload>?>()
    let letters = Subscription(to: Topic<ByteBuffer>("dead-letter.events"), on: broker) {
      dead.add($0.message.headers[DeadLetters.Header.reason] ?? "")
      seen.add(nil)
      return .ack
    }
    let work = Subscription(to: topic, on: broker) {
      seen.add($0.payload)
      return .ack
    }
    let event = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      let event = try await letters.whileRunning {
        try await work.whileRunning {
          try await broker.publish(message)
          return await seen.wait(for: 1)[0]
        }
      }
      driver.stop()
      try await group.waitForAll()
      return event
    }
    guard let event else {
      throw GodwitError(.decodingFailed, dead.values.first ?? "")
    }
    return event
  }

  @Test func structuredDocumentsOfOthers() async throws {
    func message(_ json: String, _ type: String = "Application/CloudEvents+JSON; charset=utf-8")
      -> Message
    {
      Message(topic: "events", body: ByteBuffer(string: json), contentType: type)
    }
    let head = #""specversion":"1.0","type":"t","source":"/s","id":"1""#
    let order = try await self.read(
      Order.self,
      message(
        #"{"data" : {"id":3,"note":"n"} , "subject":null, "x":5, "datacontenttype":"a/v+json","#
          + head + "}"))
    #expect(order.dataContentType == "a/v+json" && order.subject == nil)
    #expect(order.extensions == ["x": 5])
    let implied = try await self.read(
      Order.self, message("{\(head),\"data\":{\"id\":1,\"note\":\"\"}}"))
    #expect(implied.data == Order(id: 1, note: "") && implied.dataContentType == nil)
    let xml = try await self.read(
      ByteBuffer.self,
      message(#"{"datacontenttype":"application/xml","data":"<a b=\"c\"/>","# + head + "}"))
    #expect(xml.data == ByteBuffer(string: #"<a b="c"/>"#))
    let base64 = try await self.read(
      String.self,
      message(#"{"datacontenttype":"text/plain","data_base64":"aGk=","# + head + "}"))
    #expect(base64.data == "hi")
    let raw = try await self.read(
      ByteBuffer.self, message("{\(head),\"data\":18446744073709551615}"))
    #expect(raw.data == ByteBuffer(string: "18446744073709551615"))
  }

  @Test(arguments: [
    "{}", "[]", "{", #"{"specversion":"0.3","type":"t","source":"/s","id":"1"}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":""}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":1}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","X":"1"}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","x":1.5}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","x":{}}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","id":"2"}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","time":"now"}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":1,"data_base64":""}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","data_base64":"?"}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","datacontenttype":"a/b","data":1}"#,
    #"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":{"id":}}"#,
  ])
  func whatIsNoEventIsDead(_ json: String) async throws {
    let message = Message(
      topic: "events", body: ByteBuffer(string: json), contentType: CloudEventFormat.json)
    await #expect(throws: GodwitError.self) { try await self.read(Order.self, message) }
  }

  @Test func headersOfOthers() async throws {
    var message = Message(
      topic: "events", body: ByteBuffer(string: "hi"),
      headers: [
        "CE-SpecVersion": "1.0", "Ce-Id": "1", "ce-source": "\"/a \\\"b\\\"\"", "ce-type": "t",
        "ce-datacontenttype": "text/plain", "ce-not_a_name": "x", "nothing": "y",
      ])
    // A space in the source, which is a URI.
    await #expect(throws: GodwitError.self) { try await self.read(String.self, message) }
    message.headers["ce-source"] = "%2Fa"
    let event = try await self.read(String.self, message)
    #expect(event.source == "/a" && event.data == "hi" && event.dataContentType == "text/plain")
    #expect(event.extensions == [:])
    message.headers["ce-subject"] = "%FF"
    await #expect(throws: GodwitError.self) { try await self.read(String.self, message) }
    message.headers["ce-subject"] = nil
    message.headers["ce-specversion"] = nil
    await #expect(throws: GodwitError.self) { try await self.read(String.self, message) }
    let batch = Message(
      topic: "events", body: ByteBuffer(string: "[]"),
      contentType: "application/cloudevents-batch+json")
    await #expect(throws: GodwitError.self) { try await self.read(String.self, batch) }
  }

  @Test func aDriverSaysHowAttributesAreCarried() async throws {
    var binding = CloudEventBinding.defaults
    binding.attributePrefix = ""
    binding.isPercentEncoded = false
    binding.repeatsContentType = false
    let message = Message(
      topic: "events", body: ByteBuffer(string: "hi"), contentType: "text/plain",
      headers: [
        "specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "100%41 ü",
        "Other": "x", "tenant": "a",
      ])
    let event = try await self.read(String.self, message, binding: binding)
    #expect(event.subject == "100%41 ü" && event.extensions == ["tenant": "a"])

    let driver = BoundDriver(binding: binding)
    let broker = Broker(driver)
    let seen = Collector<Message>()
    let work = Subscription(to: Topic<ByteBuffer>("out"), on: broker) {
      seen.add($0.message)
      return .ack
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await broker.run() }
      try await work.whileRunning {
        try await broker.publish(
          CloudEvent(id: "1", source: "/s", type: "t", subject: "ü", time: nil, data: "hi"),
          to: Topic("out"))
        #expect(
          await seen.wait(for: 1)[0].headers == [
            "specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "ü",
          ])
      }
      driver.stop()
      try await group.waitForAll()
    }
  }

  @Test(arguments: [
    CloudEvent(id: "", source: "/s", type: "t", data: ""),
    CloudEvent(source: "", type: "t", data: ""), CloudEvent(source: "/s", type: "", data: ""),
    CloudEvent(source: "/s b", type: "t", data: ""),
    CloudEvent(source: "/s", type: "t", subject: "", data: ""),
    CloudEvent(source: "/s", type: "t\u{7}", data: ""),
    CloudEvent(source: "/s", type: "t\u{FFFE}", data: ""),
    CloudEvent(source: "/s", type: "t", extensions: ["Upper": "x"], data: ""),
    CloudEvent(source: "/s", type: "t", extensions: ["": "x"], data: ""),
    CloudEvent(source: "/s", type: "t", extensions: ["data": "x"], data: ""),
    CloudEvent(source: "/s", type: "t", extensions: ["id": "x"], data: ""),
    CloudEvent(source: "/s", type: "t", time: Date(timeIntervalSince1970: 1e12), data: ""),
  ])
  func whatCannotBeIsNotPublished(_ event: CloudEvent<String>) async throws {
    try await withEmbeddedBroker { broker in
      #expect(
        await failureCode { try await broker.publish(event, to: Topic("events")) }
          == .invalidArgument)
    }
  }

  @Test func eventsAreRequestedBatchedAndReadAsASequence() async throws {
    try await withEmbeddedBroker { broker in
      let topic = Topic<CloudEvent<Int>>("square")
      let service = Subscription(answering: topic, on: broker) { delivery in
        CloudEvent(source: "/math", type: "squared", data: (delivery.payload.data ?? 0) * 3)
      }
      try await service.whileRunning {
        let answer = try await broker.request(
          CloudEvent(source: "/me", type: "square", data: 7), to: topic,
          expecting: CloudEvent<Int>.self)
        #expect(answer.data == 21 && answer.source == "/math")
      }
      try await broker.withDeliveries(of: Topic<CloudEvent<Int>>("n"), group: "g") { events in
        try await broker.publish(
          CloudEvent(source: "/a", type: "t", data: 1), to: Topic<CloudEvent<Int>>("n"))
        for await event in events {
          #expect(event.payload.data == 1)
          try event.settle(.ack)
          break
        }
      }
    }
  }
}
