/// What a subject of the JetStream API asks for.
public enum JetStreamCall: Hashable, Sendable {
  /// INFO: what the account uses.
  case accountInfo
  /// STREAM.CREATE.
  case streamCreate(stream: String)
  /// STREAM.UPDATE.
  case streamUpdate(stream: String)
  /// STREAM.INFO.
  case streamInfo(stream: String)
  /// STREAM.NAMES.
  case streamNames
  /// STREAM.LIST.
  case streamList
  /// STREAM.DELETE.
  case streamDelete(stream: String)
  /// STREAM.PURGE.
  case streamPurge(stream: String)
  /// STREAM.MSG.GET.
  case messageGet(stream: String)
  /// STREAM.MSG.DELETE.
  case messageDelete(stream: String)
  /// STREAM.SNAPSHOT, which is refused.
  case streamSnapshot(stream: String)
  /// STREAM.RESTORE, which is refused.
  case streamRestore(stream: String)
  /// STREAM.PEER.REMOVE, which needs a cluster.
  case streamRemovePeer(stream: String)
  /// STREAM.LEADER.STEPDOWN, which needs a cluster.
  case streamLeaderStepDown(stream: String)
  /// DIRECT.GET.
  case directGet(stream: String)
  /// DIRECT.GET with the subject whose last message is wanted.
  case directGetLast(stream: String, subject: String)
  /// CONSUMER.CREATE.
  case consumerCreate(JetStreamConsumerAddress)
  /// CONSUMER.NAMES.
  case consumerNames(stream: String)
  /// CONSUMER.LIST.
  case consumerList(stream: String)
  /// CONSUMER.INFO.
  case consumerInfo(stream: String, consumer: String)
  /// CONSUMER.DELETE.
  case consumerDelete(stream: String, consumer: String)
  /// CONSUMER.PAUSE.
  case consumerPause(stream: String, consumer: String)
  /// CONSUMER.UNPIN.
  case consumerUnpin(stream: String, consumer: String)
  /// CONSUMER.MSG.NEXT.
  case messageNext(stream: String, consumer: String)
  /// CONSUMER.LEADER.STEPDOWN, which needs a cluster.
  case consumerLeaderStepDown(stream: String, consumer: String)
}

extension JetStreamCall {
  /// The stream of which it asks, and the consumer; `nil` where it asks of none, or of many.
  public var place: (stream: String?, consumer: String?) {
    switch self {
    case .accountInfo, .streamNames, .streamList: (nil, nil)
    case .streamCreate(let stream), .streamUpdate(let stream), .streamInfo(let stream),
      .streamDelete(let stream), .streamPurge(let stream), .messageGet(let stream),
      .messageDelete(let stream), .streamSnapshot(let stream), .streamRestore(let stream),
      .streamRemovePeer(let stream), .streamLeaderStepDown(let stream), .directGet(let stream),
      .directGetLast(let stream, _), .consumerNames(let stream), .consumerList(let stream):
      (stream, nil)
    case .consumerCreate(let address): (address.stream, address.consumer)
    case .consumerInfo(let stream, let consumer), .consumerDelete(let stream, let consumer),
      .consumerPause(let stream, let consumer), .consumerUnpin(let stream, let consumer),
      .messageNext(let stream, let consumer), .consumerLeaderStepDown(let stream, let consumer):
      (stream, consumer)
    }
  }
}

/// The part of a CONSUMER.CREATE subject behind the verb.
public struct JetStreamConsumerAddress: Hashable, Sendable {
  /// How the subject is written.
  public enum Form: Hashable, Sendable {
    /// CONSUMER.CREATE.<stream>: a name of the server's choice, or the one in the request.
    case legacyEphemeral
    /// CONSUMER.DURABLE.CREATE.<stream>.<consumer>.
    case legacyDurable
    /// CONSUMER.CREATE.<stream>.<consumer>[.<filter>].
    case named
  }

  /// How the subject is written.
  public var form: Form
  /// The stream's name.
  public var stream: String
  /// The consumer's name; empty when the subject has none.
  public var consumer: String
  /// The filter; empty when the subject has none.
  public var filter: String

  /// Makes an address.
  public init(_ form: Form, stream: String, consumer: String = "", filter: String = "") {
    self.form = form
    self.stream = stream
    self.consumer = consumer
    self.filter = filter
  }
}

extension JetStreamCall {
  /// What stands before the API's subjects.
  public static var prefix: StaticString { "$JS.API." }

  /// The patterns of subjects that a server of one node serves for an account.
  public static var pattern: String { "$JS.API.>" }

  /// Reads a subject.
  ///
  /// - Parameter subject: the whole subject, whose tokens are not empty.
  /// - Returns: `nil` when it does not begin with `$JS.API.` or no request has it.
  public init?(subject: UnsafeRawBufferPointer) {
    let prefix = Self.prefix
    guard subject.count > prefix.utf8CodeUnitCount,
      subject.starts(with: UnsafeRawBufferPointer(start: prefix.utf8Start, count: 8)[...])
    else { return nil }
    let rest = UnsafeRawBufferPointer(rebasing: subject[8...])
    // More tokens than any request has belong to a filter or a subject, which stay in one piece.
    var tokens: [Substring] = []
    tokens = String(decoding: rest, as: UTF8.self).split(
      separator: ".", maxSplits: 4, omittingEmptySubsequences: false)
    guard !tokens.contains(where: \.isEmpty), let call = Self.parse(tokens) else { return nil }
    self = call
  }

  private static func parse(_ tokens: [Substring]) -> Self? {
    switch tokens[0] {
    case "INFO": tokens.count == 1 ? .accountInfo : nil
    case "STREAM": self.stream(tokens.dropFirst().map { String($0) })
    case "CONSUMER": self.consumer(tokens.dropFirst().map { String($0) })
    case "DIRECT": self.direct(tokens.dropFirst().map { String($0) })
    default: nil
    }
  }

  private static func stream(_ tokens: [String]) -> Self? {
    switch (tokens.first, tokens.count) {
    case ("NAMES", 1): .streamNames
    case ("LIST", 1): .streamList
    case ("CREATE", 2): .streamCreate(stream: tokens[1])
    case ("UPDATE", 2): .streamUpdate(stream: tokens[1])
    case ("INFO", 2): .streamInfo(stream: tokens[1])
    case ("DELETE", 2): .streamDelete(stream: tokens[1])
    case ("PURGE", 2): .streamPurge(stream: tokens[1])
    case ("SNAPSHOT", 2): .streamSnapshot(stream: tokens[1])
    case ("RESTORE", 2): .streamRestore(stream: tokens[1])
    case ("MSG", 3) where tokens[1] == "GET": .messageGet(stream: tokens[2])
    case ("MSG", 3) where tokens[1] == "DELETE": .messageDelete(stream: tokens[2])
    case ("PEER", 3) where tokens[1] == "REMOVE": .streamRemovePeer(stream: tokens[2])
    case ("LEADER", 3) where tokens[1] == "STEPDOWN": .streamLeaderStepDown(stream: tokens[2])
    default: nil
    }
  }

  private static func direct(_ tokens: [String]) -> Self? {
    guard tokens.first == "GET" else { return nil }
    switch tokens.count {
    case 2: return .directGet(stream: tokens[1])
    case 3...:
      return .directGetLast(stream: tokens[1], subject: tokens[2...].joined(separator: "."))
    default: return nil
    }
  }

  private static func consumer(_ tokens: [String]) -> Self? {
    switch (tokens.first, tokens.count) {
    case ("CREATE", 2): .consumerCreate(.init(.legacyEphemeral, stream: tokens[1]))
    case ("CREATE", 3): .consumerCreate(.init(.named, stream: tokens[1], consumer: tokens[2]))
    case ("CREATE", 4):
      .consumerCreate(
        .init(.named, stream: tokens[1], consumer: tokens[2], filter: tokens[3]))
    case ("DURABLE", 4) where tokens[1] == "CREATE" && !tokens[3].contains("."):
      .consumerCreate(.init(.legacyDurable, stream: tokens[2], consumer: tokens[3]))
    case ("NAMES", 2): .consumerNames(stream: tokens[1])
    case ("LIST", 2): .consumerList(stream: tokens[1])
    case ("INFO", 3): .consumerInfo(stream: tokens[1], consumer: tokens[2])
    case ("DELETE", 3): .consumerDelete(stream: tokens[1], consumer: tokens[2])
    case ("PAUSE", 3): .consumerPause(stream: tokens[1], consumer: tokens[2])
    case ("UNPIN", 3): .consumerUnpin(stream: tokens[1], consumer: tokens[2])
    case ("MSG", 4) where tokens[1] == "NEXT" && !tokens[3].contains("."):
      .messageNext(stream: tokens[2], consumer: tokens[3])
    case ("LEADER", 4) where tokens[1] == "STEPDOWN" && !tokens[3].contains("."):
      .consumerLeaderStepDown(stream: tokens[2], consumer: tokens[3])
    default: nil
    }
  }
}

extension JetStreamConsumerAddress {
  /// What of a request contradicts its subject.
  ///
  /// - Parameter request: the request; its configuration gets the name that the subject gives.
  public func apply(to request: inout JetStreamRequest.ConsumerCreate) -> JetStreamError? {
    guard self.stream == request.stream else { return JetStreamError(.streamMismatch) }
    let name = self.form == .legacyEphemeral ? request.config.name : self.consumer
    if name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
      return JetStreamError(.consumerNameContainsPathSeparators)
    }
    let durable = request.config.durableName
    switch self.form {
    case .legacyDurable:
      guard !durable.isEmpty else { return JetStreamError(.consumerDurableNameNotSet) }
      guard durable == name else { return JetStreamError(.consumerDurableNameNotMatchSubject) }
      request.config.name = name
    case .named:
      guard durable.isEmpty || durable == name else {
        return JetStreamError(.consumerDurableNameNotMatchSubject)
      }
      request.config.name = name
    case .legacyEphemeral:
      guard durable.isEmpty else { return JetStreamError(.consumerEphemeralWithDurableName) }
    }
    if !self.filter.isEmpty {
      guard request.config.filterSubjects.isEmpty else {
        return JetStreamError(.consumerMultipleFiltersNotAllowed)
      }
      guard request.config.filterSubject == self.filter else {
        return JetStreamError(.consumerCreateFilterSubjectMismatch)
      }
    }
    return request.config.replicas > 1 ? JetStreamError(.streamReplicasNotSupported) : nil
  }
}
