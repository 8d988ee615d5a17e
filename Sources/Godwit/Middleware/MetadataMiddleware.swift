/// What a handler's message brought along, as its `x-md-` headers say: a tenant, a caller's name.
public enum CallMetadata {
  /// The metadata of the message that is being handled; empty outside of handlers.
  @TaskLocal public static var current = Headers()

  /// The beginning of the headers that are metadata.
  public static let prefix = "x-md-"
  /// The beginning of the headers that go on to what a handler publishes and requests.
  public static let globalPrefix = "x-md-global-"
}

/// Carries metadata from the message that is handled to the messages that its handler sends.
///
/// Headers that begin with `x-md-global-` go on, through any number of services; others of `x-md-`,
/// such as `x-md-local-`, are for the service that gets them: its handlers read all of them in
/// `CallMetadata.current`. A header that a message has already stays as it is. Of a batch only what
/// all of its messages agree on is carried. The prefixes are those of Kratos, so that Swift and Go
/// services can stand in one chain.
public struct MetadataMiddleware: Middleware {
  /// The most headers that are carried from one message.
  public static let headersMax = 64

  private let constants: Headers

  /// A middleware.
  ///
  /// - Parameter constants: headers that every message sent gets, unless it has them.
  public init(constants: Headers = [:]) {
    self.constants = constants
  }

  /// `metadata`.
  public var phase: MiddlewarePhase { .metadata }

  /// Reads a handler's metadata, or writes that of a message that is sent.
  public func intercept<Result: Sendable>(
    _ call: Call, next: @Sendable (Call) async throws -> Result
  ) async throws -> Result {
    guard !call.isConsumption else {
      return try await CallMetadata.$current.withValue(Self.metadata(of: call.messages)) {
        try await next(call)
      }
    }
    let carried = CallMetadata.current.filter { $0.name.begins(with: CallMetadata.globalPrefix) }
    var call = call
    for index in call.messages.indices {
      let own = call.messages[index].headers
      for field in carried + Array(self.constants) where own[field.name] == nil {
        call.messages[index].headers.append(field.name, field.value)
      }
    }
    return try await next(call)
  }

  private static func metadata(of messages: [Message]) -> Headers {
    guard let first = messages.first else { return [:] }
    let others = messages.dropFirst()
    let common = first.headers.lazy.filter { field in
      field.name.begins(with: CallMetadata.prefix)
        && others.allSatisfy { $0.headers.values(named: field.name).contains(field.value) }
    }
    return Headers(common.prefix(self.headersMax))
  }
}

extension String {
  /// Whether it begins with `prefix`, which is in lower case, without regard to ASCII case.
  fileprivate func begins(with prefix: String) -> Bool {
    var bytes = self.utf8.makeIterator()
    return prefix.utf8.allSatisfy { expected in
      guard let byte = bytes.next() else { return false }
      return byte == expected || ((0x41...0x5A).contains(byte) && byte | 0x20 == expected)
    }
  }
}
