/// A message's headers: ordered, a name may occur more than once.
///
/// Names are kept as they were written and found without regard to ASCII case, since brokers and
/// proxies disagree about it.
public struct Headers: Hashable, Sendable {
  /// One header.
  public struct Field: Hashable, Sendable {
    /// The name, as it was written.
    public var name: String
    /// The value.
    public var value: String

    /// A header.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  private var fields: [Field]

  /// No headers.
  public init() {
    self.fields = []
  }

  /// Headers in that order.
  public init(_ fields: some Sequence<Field>) {
    self.fields = Array(fields)
  }

  /// The first value of that name. Setting replaces every value of the name; `nil` removes them.
  public subscript(name: String) -> String? {
    get { self.fields.first { Self.areEqual($0.name, name) }?.value }
    set {
      guard let newValue else { return self.removeAll(named: name) }
      guard let first = self.fields.firstIndex(where: { Self.areEqual($0.name, name) }) else {
        return self.append(name, newValue)
      }
      self.fields[first].value = newValue
      var index = self.fields.count - 1
      while index > first {
        if Self.areEqual(self.fields[index].name, name) { self.fields.remove(at: index) }
        index -= 1
      }
    }
  }

  /// All values of that name, in order.
  public func values(named name: String) -> [String] {
    self.fields.compactMap { Self.areEqual($0.name, name) ? $0.value : nil }
  }

  /// Adds a header behind all others.
  public mutating func append(_ name: String, _ value: String) {
    self.fields.append(Field(name, value))
  }

  /// Removes every value of that name.
  public mutating func removeAll(named name: String) {
    self.fields.removeAll { Self.areEqual($0.name, name) }
  }

  private static func areEqual(_ left: String, _ right: String) -> Bool {
    let left = left.utf8
    let right = right.utf8
    return left.count == right.count
      && zip(left, right).allSatisfy { $0 == $1 || Self.lowercased($0) == Self.lowercased($1) }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
  }
}

extension Headers: RandomAccessCollection {
  /// The place of the first header.
  public var startIndex: Int { 0 }
  /// The place behind the last header.
  public var endIndex: Int { self.fields.count }
  /// The header at a place.
  public subscript(position: Int) -> Field { self.fields[position] }
}

extension Headers: ExpressibleByDictionaryLiteral {
  /// Headers in the order of the literal.
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(elements.map { Field($0.0, $0.1) })
  }
}
