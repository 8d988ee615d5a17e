/// A map's key, as keyed containers know them.
enum MessagePackKey: Hashable, Comparable {
  case number(Int64)
  case name(String)

  /// What a coding key is read as; `isNamed` for keys that are strings whatever they look like.
  init(_ key: some CodingKey, isNamed: Bool = false) {
    if !isNamed, let number = key.intValue {
      self = .number(Int64(number))
    } else {
      self = .name(key.stringValue)
    }
  }

  /// Numbers come before names; names are in the order of their bytes.
  static func < (left: Self, right: Self) -> Bool {
    switch (left, right) {
    case (.number(let left), .number(let right)): left < right
    case (.number, .name): true
    case (.name, .number): false
    case (.name(let left), .name(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    }
  }
}

/// A step on a coding path that no type declares.
struct MessagePackStep: CodingKey {
  let stringValue: String
  let intValue: Int?

  static let `super` = Self(stringValue: "super")

  init(stringValue: String) {
    self.stringValue = stringValue
    self.intValue = nil
  }

  init(intValue: Int) {
    self.stringValue = "\(intValue)"
    self.intValue = intValue
  }
}

/// Dictionaries whose keys are text. A `Dictionary` gives the key "7" an integer; here it has none.
protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String {}
