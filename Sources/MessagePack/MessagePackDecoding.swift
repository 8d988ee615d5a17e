import GodwitWire
import NIOCore

/// What a type that decodes itself reads from. The bytes were validated as a whole before.
struct MessagePackDecoding: Decoder {
  let place: MessagePackPlace
  var codingPath: [any CodingKey] { self.place.path }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(try MessagePackMembers<Key>(self.place))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try MessagePackElements(self.place)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    MessagePackOnly(place: self.place)
  }
}

/// The members of a type: where each value of a map begins.
private struct MessagePackMembers<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let codingPath: [any CodingKey]
  private var readers: [MessagePackKey: MessagePackReader] = [:]

  /// Looks where the values are. Of a key that occurs twice, the last holds.
  init(_ place: MessagePackPlace) throws {
    self.codingPath = place.path
    var place = place
    let count = try place.mapCount()
    self.readers.reserveCapacity(count)
    for _ in 0..<count {
      let key = try place.key()
      self.readers[key] = place.reader
      try place.reader.skip()
    }
  }

  var allKeys: [Key] {
    self.readers.keys.compactMap { key in
      switch key {
      case .name(let name): Key(stringValue: name)
      case .number(let number): Int(exactly: number).flatMap { Key(intValue: $0) }
      }
    }
  }

  func contains(_ key: Key) -> Bool { self.reader(key) != nil }

  /// A key with an integer may have been written as that, or by its name.
  private func reader(_ key: some CodingKey) -> MessagePackReader? {
    self.readers[MessagePackKey(key)]
      ?? (key.intValue == nil ? nil : self.readers[.name(key.stringValue)])
  }

  private func place(_ key: some CodingKey) throws -> MessagePackPlace {
    guard let reader = self.reader(key) else {
      throw DecodingError.keyNotFound(
        key, .init(codingPath: self.codingPath, debugDescription: "the map has no such key"))
    }
    return MessagePackPlace(reader: reader, path: self.codingPath + [key])
  }

  private func read<Value>(
    _ key: Key, _ body: (inout MessagePackPlace) throws -> Value
  ) throws -> Value {
    var place = try self.place(key)
    return try body(&place)
  }

  func decodeNil(forKey key: Key) throws -> Bool { try self.place(key).reader.isAtNil }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
    try self.read(key) { try $0.bool() }
  }
  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try self.read(key) { try $0.string() }
  }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try self.read(key) { try $0.double() }
  }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
    try self.read(key) { try $0.float() }
  }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
    try self.read(key) { try $0.integer(Int.self) }
  }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 {
    try self.read(key) { try $0.integer(Int8.self) }
  }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 {
    try self.read(key) { try $0.integer(Int16.self) }
  }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
    try self.read(key) { try $0.integer(Int32.self) }
  }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
    try self.read(key) { try $0.integer(Int64.self) }
  }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt {
    try self.read(key) { try $0.integer(UInt.self) }
  }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 {
    try self.read(key) { try $0.integer(UInt8.self) }
  }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
    try self.read(key) { try $0.integer(UInt16.self) }
  }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
    try self.read(key) { try $0.integer(UInt32.self) }
  }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
    try self.read(key) { try $0.integer(UInt64.self) }
  }
  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try self.read(key) { try $0.value(type) }
  }

  func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try MessagePackDecoding(place: try self.place(key)).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try MessagePackElements(try self.place(key))
  }

  func superDecoder() throws -> any Decoder {
    MessagePackDecoding(place: try self.place(MessagePackStep.super))
  }

  func superDecoder(forKey key: Key) throws -> any Decoder {
    MessagePackDecoding(place: try self.place(key))
  }
}

/// The elements of a list, one after the other.
private struct MessagePackElements: UnkeyedDecodingContainer {
  let codingPath: [any CodingKey]
  let count: Int?
  private(set) var currentIndex = 0
  private var reader: MessagePackReader
  private let total: Int

  init(_ place: MessagePackPlace) throws {
    var place = place
    self.codingPath = place.path
    self.total = try place.arrayCount()
    self.count = self.total
    self.reader = place.reader
  }

  var isAtEnd: Bool { self.currentIndex >= self.total }

  /// Reads an element; a failure leaves it the next one.
  private mutating func read<Value>(
    _ type: Any.Type, _ body: (inout MessagePackPlace) throws -> Value
  ) throws -> Value {
    let path = self.codingPath + [MessagePackStep(intValue: self.currentIndex)]
    guard !self.isAtEnd else {
      throw DecodingError.valueNotFound(
        type, .init(codingPath: path, debugDescription: "the array has no more elements"))
    }
    var place = MessagePackPlace(reader: self.reader, path: path)
    let value = try body(&place)
    self.reader = place.reader
    self.currentIndex += 1
    return value
  }

  mutating func decodeNil() throws -> Bool {
    guard !self.isAtEnd, self.reader.isAtNil else { return false }
    try self.reader.skip()
    self.currentIndex += 1
    return true
  }
  mutating func decode(_ type: Bool.Type) throws -> Bool {
    try self.read(Bool.self) { try $0.bool() }
  }
  mutating func decode(_ type: String.Type) throws -> String {
    try self.read(String.self) { try $0.string() }
  }
  mutating func decode(_ type: Double.Type) throws -> Double {
    try self.read(Double.self) { try $0.double() }
  }
  mutating func decode(_ type: Float.Type) throws -> Float {
    try self.read(Float.self) { try $0.float() }
  }
  mutating func decode(_ type: Int.Type) throws -> Int {
    try self.read(Int.self) { try $0.integer(Int.self) }
  }
  mutating func decode(_ type: Int8.Type) throws -> Int8 {
    try self.read(Int8.self) { try $0.integer(Int8.self) }
  }
  mutating func decode(_ type: Int16.Type) throws -> Int16 {
    try self.read(Int16.self) { try $0.integer(Int16.self) }
  }
  mutating func decode(_ type: Int32.Type) throws -> Int32 {
    try self.read(Int32.self) { try $0.integer(Int32.self) }
  }
  mutating func decode(_ type: Int64.Type) throws -> Int64 {
    try self.read(Int64.self) { try $0.integer(Int64.self) }
  }
  mutating func decode(_ type: UInt.Type) throws -> UInt {
    try self.read(UInt.self) { try $0.integer(UInt.self) }
  }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 {
    try self.read(UInt8.self) { try $0.integer(UInt8.self) }
  }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 {
    try self.read(UInt16.self) { try $0.integer(UInt16.self) }
  }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 {
    try self.read(UInt32.self) { try $0.integer(UInt32.self) }
  }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 {
    try self.read(UInt64.self) { try $0.integer(UInt64.self) }
  }
  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try self.read(type) { try $0.value(type) }
  }

  /// A nested value: its place, and this container goes on behind it.
  private mutating func nested() throws -> MessagePackPlace {
    try self.read(Any.self) { place in
      let start = place
      try place.reader.skip()
      return start
    }
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try MessagePackDecoding(place: try self.nested()).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try MessagePackElements(try self.nested())
  }

  mutating func superDecoder() throws -> any Decoder {
    MessagePackDecoding(place: try self.nested())
  }
}

/// A type that is one value.
private struct MessagePackOnly: SingleValueDecodingContainer {
  let place: MessagePackPlace
  var codingPath: [any CodingKey] { self.place.path }

  private func read<Value>(_ body: (inout MessagePackPlace) throws -> Value) throws -> Value {
    var place = self.place
    return try body(&place)
  }

  func decodeNil() -> Bool { self.place.reader.isAtNil }
  func decode(_ type: Bool.Type) throws -> Bool { try self.read { try $0.bool() } }
  func decode(_ type: String.Type) throws -> String { try self.read { try $0.string() } }
  func decode(_ type: Double.Type) throws -> Double { try self.read { try $0.double() } }
  func decode(_ type: Float.Type) throws -> Float { try self.read { try $0.float() } }
  func decode(_ type: Int.Type) throws -> Int { try self.read { try $0.integer(Int.self) } }
  func decode(_ type: Int8.Type) throws -> Int8 { try self.read { try $0.integer(Int8.self) } }
  func decode(_ type: Int16.Type) throws -> Int16 { try self.read { try $0.integer(Int16.self) } }
  func decode(_ type: Int32.Type) throws -> Int32 { try self.read { try $0.integer(Int32.self) } }
  func decode(_ type: Int64.Type) throws -> Int64 { try self.read { try $0.integer(Int64.self) } }
  func decode(_ type: UInt.Type) throws -> UInt { try self.read { try $0.integer(UInt.self) } }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try self.read { try $0.integer(UInt8.self) } }
  func decode(_ type: UInt16.Type) throws -> UInt16 {
    try self.read { try $0.integer(UInt16.self) }
  }
  func decode(_ type: UInt32.Type) throws -> UInt32 {
    try self.read { try $0.integer(UInt32.self) }
  }
  func decode(_ type: UInt64.Type) throws -> UInt64 {
    try self.read { try $0.integer(UInt64.self) }
  }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try self.read { try $0.value(type) }
  }
}
