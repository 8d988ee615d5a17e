import GodwitWire

/// Where schemas are: whole documents by their URIs, and parts of them by identifiers and anchors.
struct JSONSchemaDocuments {
  /// A schema, and where it stands.
  struct Place {
    var value: JSONValue
    /// The URI that references in it are relative to, without a fragment.
    var base: String
    /// The document that it is in.
    var document: Int
    /// Whether other keywords beside `$ref` count (since 2019-09).
    var isModern: Bool
  }

  private(set) var roots: [Place] = []
  private var byURI: [String: Place] = [:]

  /// Adds a document, with what is named in it.
  ///
  /// - Returns: its number.
  @discardableResult
  mutating func add(_ value: JSONValue, named name: String) throws(SchemaError) -> Int {
    switch value {
    case .object, .bool: break
    case .null, .integer, .double, .string, .array:
      throw .invalid("a schema is an object, true or false")
    }
    let dialect = value["$schema"]?.string ?? ""
    let isModern = dialect.contains("2019-09") || dialect.contains("2020-12")
    let own = Self.identifier(value).map { Self.resolve($0, against: name) } ?? name
    let root = Place(
      value: value, base: Self.split(own).uri, document: self.roots.count, isModern: isModern)
    self.roots.append(root)
    for uri in [Self.split(name).uri, root.base] where self.byURI[uri] == nil {
      self.byURI[uri] = root
    }
    self.index(value, root)
    // Most references are to these; the rest is looked for when it is asked for.
    for keyword in ["definitions", "$defs"] {
      for member in value[keyword]?.members ?? [] {
        var place = root
        place.value = member.value
        if let id = Self.identifier(member.value) {
          let (inner, anchor) = Self.split(Self.resolve(id, against: root.base))
          if anchor.isEmpty { place.base = inner }
        }
        for uri in [root.base, Self.split(name).uri] {
          self.byURI["\(uri)#/\(keyword)/\(member.name)"] = place
        }
      }
    }
    return root.document
  }

  /// Notes what has an identifier or an anchor, however deep; the text has a bound on its depth.
  private mutating func index(_ value: JSONValue, _ around: Place) {
    switch value {
    case .object(let members):
      var place = around
      place.value = value
      if let id = Self.identifier(value) {
        let uri = Self.resolve(id, against: around.base)
        let (base, fragment) = Self.split(uri)
        if fragment.isEmpty { place.base = base }
        let key = fragment.isEmpty ? base : uri
        if self.byURI[key] == nil { self.byURI[key] = place }
      }
      for keyword in ["$anchor", "$dynamicAnchor"] {
        guard let anchor = value[keyword]?.string else { continue }
        let key = "\(place.base)#\(anchor)"
        if self.byURI[key] == nil { self.byURI[key] = place }
      }
      // What is in these is data.
      for member in members where !["enum", "const", "default", "examples"].contains(member.name) {
        self.index(member.value, place)
      }
    case .array(let elements): for element in elements { self.index(element, around) }
    case .null, .bool, .integer, .double, .string: break
    }
  }

  private static func identifier(_ value: JSONValue) -> String? {
    value["$id"]?.string ?? value["id"]?.string
  }

  /// What a reference means, with a name of its own for the place.
  ///
  /// - Throws: `SchemaError` with `tooLarge` when looking takes more than `budget`.
  func find(
    _ reference: String, from place: Place, _ budget: inout WorkBudget
  ) throws(SchemaError) -> (key: String, place: Place)? {
    let uri = Self.resolve(reference, against: place.base)
    let (base, fragment) = Self.split(uri)
    // A name of an anchor, or the whole of a document that is called with an empty fragment.
    if let found = self.byURI[fragment.isEmpty ? base : uri] { return (uri, found) }
    // A URI that is said in full may be that of a document which the reference calls by its name.
    let candidates = [base, Self.split(reference).uri]
    var root = candidates.lazy.compactMap { self.byURI[$0] }.first
    if root == nil, base == place.base { root = self.roots[place.document] }
    guard var found = root else { return nil }
    guard !fragment.isEmpty else { return (uri, found) }
    guard fragment.hasPrefix("/") else {
      guard let anchored = self.byURI["\(found.base)#\(fragment)"] else { return nil }
      return (uri, anchored)
    }
    for part in fragment.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      let name = Self.decoded(part)
      let next: JSONValue?
      try budget.spend(1 + (found.value.members?.count ?? 0) / 4)
      switch found.value {
      case .object: next = found.value[name]
      case .array: next = Int(name).flatMap { found.value[$0] }
      case .null, .bool, .integer, .double, .string: next = nil
      }
      guard let next else { return nil }
      found.value = next
      if let id = Self.identifier(next) {
        let (inner, anchor) = Self.split(Self.resolve(id, against: found.base))
        if anchor.isEmpty { found.base = inner }
      }
    }
    return ("\(found.document) \(uri)", found)
  }

  // MARK: URIs

  static func split(_ uri: String) -> (uri: String, fragment: String) {
    guard let mark = uri.firstIndex(of: "#") else { return (uri, "") }
    return (String(uri[..<mark]), String(uri[uri.index(after: mark)...]))
  }

  /// A reference in full (RFC 3986, 5.2, as far as names of schemas have use for it).
  static func resolve(_ reference: String, against base: String) -> String {
    if reference.hasPrefix("#") { return split(base).uri + reference }
    if let colon = reference.firstIndex(of: ":"),
      reference[..<colon].utf8.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) })
    {
      return reference
    }
    let base = split(base).uri
    if reference.hasPrefix("/") {
      guard let start = base.firstRange(of: "://") else { return reference }
      let host = base[start.upperBound...].prefix { $0 != "/" }
      return base[..<start.upperBound] + host + reference
    }
    guard let slash = base.lastIndex(of: "/") else { return reference }
    return base[...slash] + reference
  }

  /// A part of a JSON pointer (RFC 6901) in a URI's fragment.
  private static func decoded(_ part: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = part.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let code = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self).replacing("~1", with: "/")
      .replacing("~0", with: "~")
  }
}
