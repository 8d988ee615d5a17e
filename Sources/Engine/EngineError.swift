/// Why the engine refused something. The front end answers with its protocol's own words.
public struct EngineError: Error, Hashable, Sendable {
  /// What kind of refusal this is.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: Hashable, Sendable {
      case quotaExceeded, patternTooDeep, topicTooDeep, topicTooLong, logFull, notFound
      case storageFailed, invalidSettings, alreadyExists, conflict, notAllowed
    }
    private let value: Value
    /// A limit of the tenant or of the whole process was reached.
    public static var quotaExceeded: Self { .init(value: .quotaExceeded) }
    /// A pattern has more levels than the limit.
    public static var patternTooDeep: Self { .init(value: .patternTooDeep) }
    /// A topic has more levels than the limit.
    public static var topicTooDeep: Self { .init(value: .topicTooDeep) }
    /// A topic is longer than the limit.
    public static var topicTooLong: Self { .init(value: .topicTooLong) }
    /// A log's policy refuses another record.
    public static var logFull: Self { .init(value: .logFull) }
    /// The disk refused, failed, or holds what cannot be read.
    public static var storageFailed: Self { .init(value: .storageFailed) }
    /// No such record, group or topic.
    public static var notFound: Self { .init(value: .notFound) }
    /// Settings that contradict themselves.
    public static var invalidSettings: Self { .init(value: .invalidSettings) }
    /// There is one of that name already, and it is another.
    public static var alreadyExists: Self { .init(value: .alreadyExists) }
    /// What exists cannot become what was asked for.
    public static var conflict: Self { .init(value: .conflict) }
    /// The stream's own settings forbid it.
    public static var notAllowed: Self { .init(value: .notAllowed) }
    /// The code's name.
    public var description: String { "\(self.value)" }
  }

  /// What kind of refusal this is.
  public let code: Code
  /// What happened, for people. Never payload bytes, never credentials.
  public let message: String

  /// An error with a code and a sentence.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
