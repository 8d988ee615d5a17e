import GodwitWire
import NATSWire
import Testing

/// Every request and answer that a real server took or gave can be read and written again.
@Suite struct JetStreamShapesTests {
  private func rewrite<Object: JetStreamObject>(
    _ type: Object.Type, _ text: String
  ) throws -> JSONValue {
    let object = try text.bytes { bytes throws in try Object(parsing: bytes, isStrict: true) }
    return try JSONValue(parsing: object.encoded)
  }

  private func rewriteResponse(_ text: String) throws -> JSONValue? {
    let type = try JSONValue(parsing: text).text("type").split(separator: ".").last
    switch type.map({ String($0) }) {
    case "account_info_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.AccountInfo>.self, text)
    case "stream_create_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamCreate>.self, text)
    case "stream_update_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamUpdate>.self, text)
    case "stream_info_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamInfo>.self, text)
    case "stream_names_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamNames>.self, text)
    case "stream_list_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamList>.self, text)
    case "stream_delete_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamDelete>.self, text)
    case "stream_purge_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamPurge>.self, text)
    case "stream_msg_get_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.MessageGet>.self, text)
    case "stream_msg_delete_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.MessageDelete>.self, text)
    case "consumer_create_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerCreate>.self, text)
    case "consumer_info_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerInfo>.self, text)
    case "consumer_names_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerNames>.self, text)
    case "consumer_list_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerList>.self, text)
    case "consumer_delete_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerDelete>.self, text)
    case "consumer_pause_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerPause>.self, text)
    case "consumer_unpin_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerUnpin>.self, text)
    case "stream_leader_stepdown_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamLeaderStepDown>.self, text)
    case "consumer_leader_stepdown_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.ConsumerLeaderStepDown>.self, text)
    case "stream_remove_peer_response":
      return try self.rewrite(JetStreamResponse<JetStreamReply.StreamRemovePeer>.self, text)
    default: return nil
    }
  }

  @Test func answersAreReadAndWrittenAsTheyWere() throws {
    var count = 0
    for entry in try JetStreamVectors.load("jetstream-api") {
      let text = entry.text("response")
      guard let rewritten = try self.rewriteResponse(text) else { continue }
      count += 1
      #expect(try rewritten == JSONValue(parsing: text), "\(entry.text("subject"))")
    }
    #expect(count > 240)
  }

  @Test func publishAcksAreReadAndWrittenAsTheyWere() throws {
    for entry in try JetStreamVectors.load("jetstream-messages")
    where entry.text("kind") == "publish" && !entry.text("response").isEmpty {
      let text = entry.text("response")
      #expect(
        try self.rewrite(JetStreamPublishAck.self, text) == JSONValue(parsing: text))
    }
  }

  @Test func errorsAreThoseOfTheTable() throws {
    for entry in try JetStreamVectors.load("jetstream-api") {
      let response = try JSONValue(parsing: entry.text("response"))
      guard let error = response["error"], let number = error["err_code"]?.integer else { continue }
      let code = try #require(JetStreamErrorCode(rawValue: Int(number)), "\(number)")
      #expect(error["code"]?.integer == Int64(code.status))
      let parts = code.text.split(separator: "{}", omittingEmptySubsequences: false)
      #expect(error.text("description").hasPrefix(parts[0]))
      #expect(error.text("description").hasSuffix(parts[parts.count - 1]))
    }
  }

  @Test func theFirstPartOfAnAcknowledgementEndsBeforeTheNumber() {
    let prefix = JetStreamPublishAck.prefix(stream: "O\"R")
    #expect(String(decoding: prefix, as: UTF8.self) == #"{"stream":"O\"R","seq":"#)
  }

  @Test func errorTextsTakeTheirDetails() {
    #expect(JetStreamError(.streamWrongLastSequence, "7").text == "wrong last sequence: 7")
    #expect(
      JetStreamError(.streamExternalDelPrefixOverlaps, "a", "b").text
        == "stream external delivery prefix a overlaps with stream subject b")
    #expect(JetStreamError(.streamCreate, "{x}").text == "{x}")
    #expect(JetStreamError(.badRequest).status == 400)
    #expect(Set(JetStreamErrorCode.allCases.map(\.rawValue)).count > 170)
  }

  @Test func strictReadingRefusesUnknownFieldsAtAnyDepth() throws {
    func read(_ text: String, strictly isStrict: Bool) throws {
      _ = try text.bytes { bytes throws in
        try JetStreamRequest.ConsumerCreate(parsing: bytes, isStrict: isStrict)
      }
    }
    let nested = #"{"stream_name":"S","config":{"bogus":1}}"#
    #expect(throws: JetStreamJSONError(#"json: unknown field "bogus""#)) {
      try read(nested, strictly: true)
    }
    try read(nested, strictly: false)
    try read(#"{"STREAM_NAME":"S","Config":{"ACK_POLICY":"none"}}"#, strictly: true)
    #expect(throws: JetStreamJSONError.self) {
      try read(#"{"config":{"ack_wait":"5s"}}"#, strictly: false)
    }
    #expect(throws: JetStreamJSONError.self) {
      try read(#"{"config":{"ack_policy":"weird"}}"#, strictly: false)
    }
    #expect(throws: JetStreamJSONError.self) { try read("[]", strictly: false) }
  }

  @Test(arguments: [
    String(repeating: "[", count: 100_000), #"{"subjects":"# + String(repeating: "[", count: 40),
    #"{"max_msgs":99999999999999999999}"#, #"{"max_msgs":1e3}"#, #"{"max_msg_size":3000000000}"#,
    #"{"name":"\ud800"}"#, #"{"sources":[null]}"#, #"{"metadata":{"a":1}}"#, "nul", "{", "\u{0}",
    #"{"first_seq":-1}"#, #"{"mirror":{"opt_start_time":"2024-02-30T00:00:00Z"}}"#,
  ])
  func hostileConfigurationsAreRefused(_ text: String) {
    #expect(throws: JetStreamJSONError.self) {
      try text.bytes { bytes throws in
        try JetStreamRequest.StreamConfig(parsing: bytes, isStrict: false)
      }
    }
  }

  @Test func sizesAreBounded() {
    let many = #"{"subjects":["# + String(repeating: "\"a\",", count: 70_000) + "\"a\"]}"
    #expect(throws: JetStreamJSONError.self) {
      try many.bytes { bytes throws in
        try JetStreamRequest.StreamConfig(parsing: bytes, isStrict: false)
      }
    }
    var limits = JSONLimits()
    limits.bytesMax = 4
    #expect(throws: JetStreamJSONError.self) {
      try #"{"name":"a"}"#.bytes { bytes throws in
        try JetStreamStreamConfig(parsing: bytes, isStrict: false, limits: limits)
      }
    }
  }
}
