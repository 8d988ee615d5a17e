/// An error that the JetStream API answers.
public struct JetStreamError: Error, Hashable, Sendable {
  /// The status, in the manner of HTTP.
  public var status = 0
  /// The number that clients compare: a `JetStreamErrorCode`, or one that is not known here.
  public var code = 0
  /// For people.
  public var text = ""

  /// Makes an error with nothing in it.
  public init() {}

  /// Makes an error of the table.
  ///
  /// - Parameter details: what stands in the text in place of its `{}`, in order.
  public init(_ code: JetStreamErrorCode, _ details: String...) {
    self.status = code.status
    self.code = code.rawValue
    var text = ""
    var rest = details[...]
    var isOpen = false
    for character in code.text {
      switch character {
      case "{": isOpen = true
      case "}" where isOpen:
        text += rest.popFirst() ?? ""
        isOpen = false
      default: text.append(character)
      }
    }
    self.text = text
  }

  /// The error's place in the table; `nil` for one that is not known here.
  public var known: JetStreamErrorCode? { JetStreamErrorCode(rawValue: self.code) }
}

extension JetStreamError: JetStreamObject {
  /// The fields, in nats-server's order.
  public mutating func visit(_ fields: inout JetStreamFields) {
    fields.always("code", &self.status)
    fields.unlessEmpty("err_code", &self.code)
    fields.unlessEmpty("description", &self.text)
  }
}

extension JetStreamError: CustomStringConvertible {
  /// The text and the number.
  public var description: String { "\(self.text) (\(self.code))" }
}
