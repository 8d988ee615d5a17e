extension CloudEvent {
  /// Checks the rules of CloudEvents 1.0 for attributes: `id`, `source` and `type` are there, and
  /// none is empty; names are lower-case letters and digits; no value has a control character.
  ///
  /// Publishing checks, and reading too.
  ///
  /// - Throws: `invalidArgument`.
  public func validate() throws(GodwitError) {
    for (name, value) in self.attributes {
      guard CloudEventAttributes.isName(name) else {
        throw GodwitError(
          .invalidArgument, "'\(name)' is no attribute's name: lower-case letters and digits")
      }
      guard CloudEventAttributes.isText(value.text) else {
        throw GodwitError(.invalidArgument, "a character in '\(name)' that no event may have")
      }
    }
    for name in self.extensions.keys where CloudEventAttributes.core.contains(name) {
      throw GodwitError(.invalidArgument, "'\(name)' is not the name of an extension")
    }
    let required: [(String, String?)] = [
      ("id", self.id), ("source", self.source), ("type", self.type), ("subject", self.subject),
      ("dataschema", self.dataSchema), ("datacontenttype", self.dataContentType),
    ]
    for (name, value) in required where value?.isEmpty == true {
      throw GodwitError(.invalidArgument, "an event whose '\(name)' is empty")
    }
    for (name, value) in [("source", self.source), ("dataschema", self.dataSchema ?? "")]
    where value.contains(where: \.isWhitespace) {
      throw GodwitError(.invalidArgument, "a space in '\(name)', which is a URI")
    }
    if let time = self.time, RFC3339.format(time) == nil {
      throw GodwitError(.invalidArgument, "an event of a year that no calendar has")
    }
  }

  /// All attributes that are set, but the content type: the required ones first.
  var attributes: [(name: String, value: CloudEventAttribute)] {
    var attributes: [(name: String, value: CloudEventAttribute)] = [
      ("specversion", .string(CloudEventAttributes.version)), ("id", .string(self.id)),
      ("source", .string(self.source)), ("type", .string(self.type)),
    ]
    if let subject = self.subject { attributes.append(("subject", .string(subject))) }
    if let time = self.time.flatMap(RFC3339.format) { attributes.append(("time", .string(time))) }
    if let schema = self.dataSchema { attributes.append(("dataschema", .string(schema))) }
    for (name, value) in self.extensions.sorted(by: { $0.key < $1.key }) {
      attributes.append((name, value))
    }
    return attributes
  }

  /// The event of attributes as they were received.
  ///
  /// - Throws: `unsupported` for another version, `decodingFailed` when a rule is broken.
  init(
    attributes: [String: CloudEventAttribute], data: Payload?
  ) throws(GodwitError) {
    var rest = attributes
    func take(_ name: String) throws(GodwitError) -> String? {
      switch rest.removeValue(forKey: name) {
      case nil: return nil
      case .string(let text): return text
      default: throw GodwitError(.decodingFailed, "an event whose '\(name)' is no text")
      }
    }
    func require(_ name: String) throws(GodwitError) -> String {
      guard let text = try take(name) else {
        throw GodwitError(.decodingFailed, "not a CloudEvent: it has no '\(name)'")
      }
      return text
    }
    let version = try require("specversion")
    guard version == CloudEventAttributes.version else {
      throw GodwitError(.unsupported, "a CloudEvent of version '\(version.prefix(20))'")
    }
    self.init(
      id: try require("id"), source: try require("source"), type: try require("type"),
      subject: try take("subject"), time: nil, dataContentType: try take("datacontenttype"),
      dataSchema: try take("dataschema"), data: data)
    if let text = try take("time") {
      guard let time = RFC3339.parse(text) else {
        throw GodwitError(.decodingFailed, "an event whose 'time' is no time")
      }
      self.time = time
    }
    self.extensions = rest
    do {
      try self.validate()
    } catch {
      throw GodwitError(.decodingFailed, "not a valid CloudEvent", cause: error)
    }
  }
}

/// The grammar of attributes (CloudEvents 1.0, "Type System" and "Naming Conventions").
enum CloudEventAttributes {
  static let version = "1.0"
  /// The names that extensions cannot have; `data` is JSON's member.
  static let core: Set<String> = [
    "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
    "data",
  ]

  static func isName(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
  }

  /// No control characters and no noncharacters.
  static func isText(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0...0x1F, 0x7F...0x9F, 0xFDD0...0xFDEF: false
      default: scalar.value & 0xFFFE != 0xFFFE
      }
    }
  }
}
