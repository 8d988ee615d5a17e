/// The names of OpenTelemetry's semantic conventions for messaging, and what they are of a call.
enum MessagingAttributes {
  static let system = "messaging.system"
  static let operationName = "messaging.operation.name"
  static let operationType = "messaging.operation.type"
  static let destination = "messaging.destination.name"
  static let template = "messaging.destination.template"
  static let group = "messaging.consumer.group.name"
  static let subscription = "messaging.destination.subscription.name"
  static let messageID = "messaging.message.id"
  static let conversationID = "messaging.message.conversation_id"
  static let bodySize = "messaging.message.body.size"
  static let batchCount = "messaging.batch.message_count"
  static let errorType = "error.type"

  /// What `error.type` says of an error: a code of the framework's, or the error's type.
  static func errorType(of error: any Error) -> String {
    switch error {
    case let error as GodwitError: error.code.rawValue
    case is CancellationError: GodwitError.Code.cancelled.rawValue
    default: String(describing: type(of: error))
    }
  }

  /// What `error.type` says of what `next` returned: that of the first message that did not go
  /// well; `nil` where all did.
  static func errorType(ofResult returned: some Sendable) -> String? {
    for outcome in Call.outcomes(of: returned) {
      switch outcome {
      case .success(.retry): return "retry"
      case .success(.reject): return "reject"
      case .success: continue
      case .failure(let error): return self.errorType(of: error)
      }
    }
    return nil
  }
}

extension Call {
  /// `messaging.operation.name`.
  var operationName: String {
    switch self.kind {
    case .publish: "publish"
    case .request: "request"
    case .consume, .reply: "process"
    }
  }

  /// `messaging.operation.type`.
  var operationType: String { self.isConsumption ? "process" : "send" }

  /// The one topic of the messages; `nil` when there are several.
  var destination: String? {
    guard let first = self.messages.first?.topic else { return nil }
    return self.messages.allSatisfy { $0.topic == first } ? first : nil
  }

  /// The pattern that the messages were subscribed to by, where it is not a topic.
  var template: String? {
    self.pattern.flatMap { TopicName.hasWildcard($0) ? $0 : nil }
  }
}
