/// The types that a file can name: its own, and those of files that it imports.
struct ProtobufTypes: Hashable, Sendable {
  /// A type.
  struct Found: Hashable, Sendable {
    /// The name with its package, without a dot before it.
    var full: String
    /// The package it is in.
    var package: String
    /// What it is made of; `nil` for an enum.
    var message: ProtobufFile.Message?
    /// Whether it comes from another file.
    var isForeign: Bool
  }

  private var byName: [String: Found] = [:]

  init(_ file: ProtobufFile, _ others: [ProtobufFile]) {
    for other in others { self.add(other, isForeign: true) }
    self.add(file, isForeign: false)
  }

  private mutating func add(_ file: ProtobufFile, isForeign: Bool) {
    self.add(file.messages, file.enums, in: file.package, file.package, isForeign)
  }

  private mutating func add(
    _ messages: [ProtobufFile.Message], _ enums: [ProtobufFile.Enumeration], in scope: String,
    _ package: String, _ isForeign: Bool
  ) {
    let prefix = scope.isEmpty ? "" : scope + "."
    for item in enums {
      self.byName[prefix + item.name] = Found(
        full: prefix + item.name, package: package, message: nil, isForeign: isForeign)
    }
    for item in messages {
      self.byName[prefix + item.name] = Found(
        full: prefix + item.name, package: package, message: item, isForeign: isForeign)
      self.add(item.messages, item.enums, in: prefix + item.name, package, isForeign)
    }
  }

  /// What a name means to a message of that full name: the innermost type that it fits.
  func find(_ name: String, from scope: String) -> Found? {
    if name.hasPrefix(".") { return self.byName[String(name.dropFirst())] }
    var scope = scope[...]
    while !scope.isEmpty {
      if let found = self.byName["\(scope).\(name)"] { return found }
      scope = scope.lastIndex(of: ".").map { scope[..<$0] } ?? ""
    }
    return self.byName[name]
  }
}
