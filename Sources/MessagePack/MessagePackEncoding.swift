import GodwitWire

/// What a type that encodes itself writes to.
struct MessagePackEncoding: Encoder {
  let box: MessagePackPart.Box
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(MessagePackMap<Key>(box: self.box, codingPath: self.codingPath))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    MessagePackArray(box: self.box, codingPath: self.codingPath)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    MessagePackSingle(box: self.box, codingPath: self.codingPath)
  }
}

extension MessagePackValue {
  /// A whole number that is not negative.
  fileprivate static func whole(_ number: UInt64) -> Self {
    Int64(exactly: number).map { .integer($0) } ?? .unsigned(number)
  }
}

/// The members of a type.
private struct MessagePackMap<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let box: MessagePackPart.Box
  let codingPath: [any CodingKey]

  init(box: MessagePackPart.Box, codingPath: [any CodingKey]) {
    self.box = box
    self.codingPath = codingPath
    switch box.content {
    case .nothing: box.content = .map([])
    case .map: break
    default: box.content = .conflict
    }
  }

  private func add(_ value: MessagePackValue, _ key: some CodingKey) {
    self.box.append(key, .value(value))
  }

  private func child(_ key: some CodingKey) -> MessagePackEncoding {
    let box = MessagePackPart.Box(Any.self)
    self.box.append(key, .box(box))
    return MessagePackEncoding(box: box, codingPath: self.codingPath + [key])
  }

  mutating func encodeNil(forKey key: Key) { self.add(.nil, key) }
  mutating func encode(_ value: Bool, forKey key: Key) { self.add(.bool(value), key) }
  mutating func encode(_ value: String, forKey key: Key) { self.add(.string(value), key) }
  mutating func encode(_ value: Double, forKey key: Key) { self.add(.double(value), key) }
  mutating func encode(_ value: Float, forKey key: Key) { self.add(.float(value), key) }
  mutating func encode(_ value: Int, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: Int8, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: Int16, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: Int32, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: Int64, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: UInt, forKey key: Key) { self.add(.whole(UInt64(value)), key) }
  mutating func encode(_ value: UInt8, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: UInt16, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: UInt32, forKey key: Key) { self.add(.integer(Int64(value)), key) }
  mutating func encode(_ value: UInt64, forKey key: Key) { self.add(.whole(UInt64(value)), key) }
  mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    self.box.append(key, try MessagePackPart(of: value, at: self.codingPath + [key]))
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    self.child(key).container(keyedBy: keyType)
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    self.child(key).unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { self.child(MessagePackStep.super) }
  mutating func superEncoder(forKey key: Key) -> any Encoder { self.child(key) }
}

/// The elements of a list.
private struct MessagePackArray: UnkeyedEncodingContainer {
  let box: MessagePackPart.Box
  let codingPath: [any CodingKey]

  init(box: MessagePackPart.Box, codingPath: [any CodingKey]) {
    self.box = box
    self.codingPath = codingPath
    switch box.content {
    case .nothing: box.content = .array([])
    case .array: break
    default: box.content = .conflict
    }
  }

  var count: Int {
    if case .array(let parts) = self.box.content { parts.count } else { 0 }
  }

  private var elementPath: [any CodingKey] {
    self.codingPath + [MessagePackStep(intValue: self.count)]
  }

  private func add(_ value: MessagePackValue) {
    self.box.append(.value(value))
  }

  private func child() -> MessagePackEncoding {
    let path = self.elementPath
    let box = MessagePackPart.Box(Any.self)
    self.box.append(.box(box))
    return MessagePackEncoding(box: box, codingPath: path)
  }

  mutating func encodeNil() { self.add(.nil) }
  mutating func encode(_ value: Bool) { self.add(.bool(value)) }
  mutating func encode(_ value: String) { self.add(.string(value)) }
  mutating func encode(_ value: Double) { self.add(.double(value)) }
  mutating func encode(_ value: Float) { self.add(.float(value)) }
  mutating func encode(_ value: Int) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int8) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int16) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int32) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int64) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt) { self.add(.whole(UInt64(value))) }
  mutating func encode(_ value: UInt8) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt16) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt32) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt64) { self.add(.whole(UInt64(value))) }
  mutating func encode<Value: Encodable>(_ value: Value) throws {
    self.box.append(try MessagePackPart(of: value, at: self.elementPath))
  }

  mutating func nestedContainer<NestedKey: CodingKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    self.child().container(keyedBy: keyType)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    self.child().unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { self.child() }
}

/// A type that is one value.
private struct MessagePackSingle: SingleValueEncodingContainer {
  let box: MessagePackPart.Box
  let codingPath: [any CodingKey]

  private func set(_ part: MessagePackPart) {
    guard case .nothing = self.box.content else { return self.box.content = .conflict }
    self.box.content = .single(part)
  }

  private func add(_ value: MessagePackValue) {
    self.set(.value(value))
  }

  mutating func encodeNil() { self.add(.nil) }
  mutating func encode(_ value: Bool) { self.add(.bool(value)) }
  mutating func encode(_ value: String) { self.add(.string(value)) }
  mutating func encode(_ value: Double) { self.add(.double(value)) }
  mutating func encode(_ value: Float) { self.add(.float(value)) }
  mutating func encode(_ value: Int) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int8) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int16) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int32) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: Int64) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt) { self.add(.whole(UInt64(value))) }
  mutating func encode(_ value: UInt8) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt16) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt32) { self.add(.integer(Int64(value))) }
  mutating func encode(_ value: UInt64) { self.add(.whole(UInt64(value))) }
  mutating func encode<Value: Encodable>(_ value: Value) throws {
    self.set(try MessagePackPart(of: value, at: self.codingPath))
  }
}
