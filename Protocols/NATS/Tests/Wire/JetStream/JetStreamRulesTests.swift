import GodwitWire
import NATSWire
import Testing

/// The rules for configurations, against what a real server answered: all its streams and consumers
/// are made here again, request by request.
@Suite struct JetStreamRulesTests {
  private struct Server {
    var streams: [String: JetStreamStreamConfig] = [:]
    var consumers: [String: [String: JetStreamConsumerConfig]] = [:]

    mutating func create(_ name: String, _ text: String) throws(JetStreamError) -> JSONValue {
      let request = try Server.read(JetStreamRequest.StreamConfig.self, text)
      if let error = request.config.creationError(name: name) { throw error }
      let others = self.streams
      let config = try request.config.validated(isPedantic: request.isPedantic) { others[$0] }
      if let existing = self.streams[name] {
        guard existing.isSame(as: config) else { throw JetStreamError(.streamNameExist) }
      } else if self.streams.values.contains(where: { $0.overlaps(config) }) {
        throw JetStreamError(.streamSubjectOverlap)
      }
      self.streams[name] = config
      return Server.shown(config)
    }

    mutating func update(_ name: String, _ text: String) throws(JetStreamError) -> JSONValue {
      let request = try Server.read(JetStreamRequest.StreamConfig.self, text)
      let others = self.streams
      let config = try request.config.validated(isPedantic: request.isPedantic) { others[$0] }
      guard config.name == name else { throw JetStreamError(.streamMismatch) }
      guard let old = self.streams[name] else { throw JetStreamError(.streamNotFound) }
      self.streams[name] = try old.updated(to: config)
      return Server.shown(self.streams[name])
    }

    mutating func consumer(
      _ address: JetStreamConsumerAddress, _ text: String
    ) throws(JetStreamError) -> JSONValue {
      var request = try Server.read(JetStreamRequest.ConsumerCreate.self, text)
      if let error = address.apply(to: &request) { throw error }
      guard let stream = self.streams[request.stream] else {
        throw JetStreamError(.streamNotFound)
      }
      let config = try request.config.validated(stream: stream, isPedantic: request.isPedantic)
      let all = self.consumers[request.stream] ?? [:]
      if let old = all[config.name], !config.name.isEmpty {
        if request.action == .create, !old.isSame(as: config) {
          throw JetStreamError(.consumerAlreadyExists)
        }
        if let error = old.updateError(to: config) { throw error }
      } else {
        if request.action == .update { throw JetStreamError(.consumerDoesNotExist) }
        let error = config.conflict(stream: stream, others: Array(all.values))
        if let error { throw error }
      }
      if !config.name.isEmpty {
        self.consumers[request.stream, default: [:]][config.name] = config
      }
      return Server.shown(config)
    }

    private static func read<Object: JetStreamObject>(
      _ type: Object.Type, _ text: String
    ) throws(JetStreamError) -> Object {
      do {
        return try text.bytes { bytes throws in try Object(parsing: bytes, isStrict: true) }
      } catch let error as JetStreamJSONError {
        throw JetStreamError(.invalidJSON, error.description)
      } catch {
        throw JetStreamError(.badRequest)
      }
    }

    /// A configuration without metadata.
    private static func shown(_ object: (some JetStreamObject)?) -> JSONValue {
      guard let members = object.flatMap({ try? JSONValue(parsing: $0.encoded).members }) else {
        return .null
      }
      return .object(members.filter { $0.name != "metadata" })
    }
  }

  @Test func everyRequestIsAnsweredAsByTheRealServer() throws {
    var server = Server()
    var count = 0
    for entry in try JetStreamVectors.load("jetstream-api") {
      let subject = entry.text("subject")
      let response = try JSONValue(parsing: entry.text("response"))
      let request = entry.text("request")
      let result: Result<JSONValue, JetStreamError>
      do throws(JetStreamError) {
        switch subject.bytes({ JetStreamCall(subject: $0) }) {
        case .streamCreate(let name): result = .success(try server.create(name, request))
        case .streamUpdate(let name): result = .success(try server.update(name, request))
        case .consumerCreate(let address): result = .success(try server.consumer(address, request))
        case .consumerDelete(let stream, let consumer):
          server.consumers[stream]?[consumer] = nil
          continue
        default: continue
        }
      } catch {
        result = .failure(error)
      }
      count += 1
      switch result {
      case .failure(let error):
        #expect(response["error"]?["err_code"]?.integer == Int64(error.code), "\(request)")
        if error.known != .invalidJSON {
          #expect(response["error"]?.text("description") == error.text)
        }
      // The recording removes streams again that it did not expect to be made.
      case .success(let config):
        let theirs = response["config"]?.members?.filter { member in
          // A name of the server's choice.
          member.name != "metadata"
            && !(member.name == "name" && config["name"] == nil && config["durable_name"] == nil)
        }
        #expect(theirs.map { .object($0) } == config, "\(request)")
        if config["name"]?.string == "B", subject.contains("STREAM.CREATE") {
          server.streams["B"] = nil
        }
        if subject.hasSuffix("ORDERS.x") { server.consumers["ORDERS"]?["x"] = nil }
      }
    }
    #expect(count > 140)
  }

  @Test func pedanticRequestsAreNotMended() {
    var config = JetStreamStreamConfig()
    config.name = "S"
    config.maxMessages = -5
    #expect(throws: JetStreamError(.pedantic, "max_msgs must be set to -1")) {
      try config.validated(isPedantic: true)
    }
    #expect(throws: Never.self) { try config.validated() }
    var consumer = JetStreamConsumerConfig()
    consumer.maxWaiting = -1
    #expect(throws: JetStreamError(.pedantic, "max_waiting must not be negative")) {
      try consumer.validated(stream: config, isPedantic: true)
    }
  }

  @Test func limitsOfTheServerBoundWhatIsFilledIn() throws {
    var config = JetStreamStreamConfig()
    config.name = "S"
    var limits = JetStreamLimits()
    limits.duplicateWindowMax = 1_000_000_000
    limits.maxAckPending = 10
    limits.maxRequestBatch = 5
    let stream = try config.validated(limits: limits)
    #expect(stream.duplicateWindow == 1_000_000_000)
    var consumer = JetStreamConsumerConfig()
    consumer.ackPolicy = .explicit
    let filledIn = try consumer.validated(stream: stream, limits: limits)
    #expect(filledIn.maxAckPending == 10)
    #expect(filledIn.maxRequestBatch == 5)
    consumer.maxAckPending = 11
    #expect(throws: JetStreamError(.consumerMaxPendingAckExcess, "10")) {
      try consumer.validated(stream: stream, limits: limits)
    }
    limits.account.maxBytesRequired = true
    #expect(throws: JetStreamError(.streamMaxBytesRequired)) {
      try config.validated(limits: limits)
    }
  }

  @Test func longTextsAreRefused() {
    var config = JetStreamStreamConfig()
    config.name = String(repeating: "n", count: 256)
    #expect(throws: JetStreamError.self) { try config.validated() }
    config.name = "S"
    config.metadata = ["k": String(repeating: "v", count: 128 * 1024)]
    #expect(throws: JetStreamError.self) { try config.validated() }
    config.metadata = [:]
    config.summary = String(repeating: "d", count: 4097)
    #expect(throws: JetStreamError.self) { try config.validated() }
  }

  @Test func metadataCarriesTheLevel() throws {
    var config = JetStreamStreamConfig()
    config.name = "S"
    #expect(config.requiredLevel == 0)
    config.allowMessageTTL = true
    #expect(config.requiredLevel == 1)
    config.allowMessageSchedules = true
    #expect(config.requiredLevel == 2)
    let stored = JetStreamLevel.stored(["_nats.ver": "9", "a": "b"], needing: 2)
    #expect(stored == ["a": "b", "_nats.req.level": "2"])
    #expect(JetStreamLevel.answered(stored, version: "2.12.0")["_nats.ver"] == "2.12.0")
    #expect(JetStreamLevel.own(stored) == ["a": "b"])
    #expect(JetStreamLevel.isEnough(for: nil))
    #expect(JetStreamLevel.isEnough(for: "2"))
    #expect(!JetStreamLevel.isEnough(for: "3"))
    #expect(!JetStreamLevel.isEnough(for: "x"))
  }

  @Test func aSealedStreamTakesWhatSealingMeans() throws {
    var old = JetStreamStreamConfig()
    old.name = "S"
    old.allowRollup = true
    let config = try old.validated()
    var new = config
    new.isSealed = true
    new.maxAge = 5_000_000_000_000
    let sealed = try config.updated(to: new.validated())
    #expect(sealed.maxAge == 0)
    #expect(sealed.denyPurge && sealed.denyDelete && !sealed.allowRollup)
    #expect(sealed.discard == .new)
    #expect(throws: JetStreamError.self) { try sealed.updated(to: config) }
  }
}
