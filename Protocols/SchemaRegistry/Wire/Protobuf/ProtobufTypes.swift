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

  /// - Throws: `SchemaError` with `tooLarge` for a full name that is too long.
  init(
    _ file: ProtobufFile, _ others: [ProtobufFile], _ limits: SchemaLimits
  ) throws(SchemaError) {
    for other in others { try self.add(other, isForeign: true, limits) }
    try self.add(file, isForeign: false, limits)
  }

  private mutating func add(
    _ file: ProtobufFile, isForeign: Bool, _ limits: SchemaLimits
  ) throws(SchemaError) {
    try limits.check(name: file.package)
    try self.add(file.messages, file.enums, in: file.package, file.package, isForeign, limits)
  }

  private mutating func add(
    _ messages: [ProtobufFile.Message], _ enums: [ProtobufFile.Enumeration], in scope: String,
    _ package: String, _ isForeign: Bool, _ limits: SchemaLimits
  ) throws(SchemaError) {
    let prefix = scope.isEmpty ? "" : scope + "."
    for item in enums {
      let full = prefix + item.name
      try limits.check(name: full)
      self.byName[full] = Found(full: full, package: package, message: nil, isForeign: isForeign)
    }
    for item in messages {
      let full = prefix + item.name
      try limits.check(name: full)
      self.byName[full] = Found(full: full, package: package, message: item, isForeign: isForeign)
      try self.add(item.messages, item.enums, in: full, package, isForeign, limits)
    }
  }

  /// What a name means to a message of that full name: the innermost type that it fits.
  func find(_ name: String, from scope: String) -> Found? {
    var budget = WorkBudget(steps: .max)
    return try? self.find(name, from: scope, &budget)
  }

  /// As `find(_:from:)`; each scope that is looked into is a step.
  ///
  /// - Throws: `SchemaError` with `tooLarge` when there are no steps left.
  func find(
    _ name: String, from scope: String, _ budget: inout WorkBudget
  ) throws(SchemaError) -> Found? {
    try budget.spend()
    if name.hasPrefix(".") { return self.byName[String(name.dropFirst())] }
    var scope = scope[...]
    while !scope.isEmpty {
      try budget.spend()
      if let found = self.byName["\(scope).\(name)"] { return found }
      scope = scope.lastIndex(of: ".").map { scope[..<$0] } ?? ""
    }
    return self.byName[name]
  }
}
