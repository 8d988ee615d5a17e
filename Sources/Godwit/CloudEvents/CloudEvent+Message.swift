import GodwitWire
import NIOCore

extension CloudEvent: MessagePayload {
  static var usualContentType: String { MediaType.usual(for: Payload.self) }

  init(
    message: Message, codecs: CodecRegistry, on capabilities: Capabilities,
    unlessSaid contentType: String
  ) throws(GodwitError) {
    let essence =
      capabilities.cloudEvents.isStructuredOnly
      ? CloudEventFormat.json : MediaType.essence(of: message.contentType ?? contentType)
    if essence == CloudEventFormat.json {
      try self.init(structured: message.body, codecs: codecs)
    } else if essence.hasPrefix("application/cloudevents") {
      throw GodwitError(.unsupported, "no format for CloudEvents as '\(essence)'")
    } else {
      try self.init(
        binary: message, codecs: codecs, binding: capabilities.cloudEvents, unlessSaid: contentType)
    }
  }

  func write(
    to message: inout Message, codecs: CodecRegistry, on capabilities: Capabilities,
    as contentType: String
  ) throws(GodwitError) {
    try self.validate()
    let isStructured = MediaType.essence(of: contentType) == CloudEventFormat.json
    if isStructured || capabilities.cloudEvents.isStructuredOnly {
      message.body = try self.document(codecs)
      message.contentType = isStructured ? contentType : CloudEventFormat.json
    } else {
      try self.writeHeaders(
        to: &message, codecs: codecs, binding: capabilities.cloudEvents, as: contentType)
    }
  }

  /// The data as bytes; bytes are what they are, whatever they stand for.
  private static func bytes(
    _ data: Payload, as contentType: String, _ codecs: CodecRegistry
  ) throws(GodwitError) -> ByteBuffer {
    if Payload.self is ByteBuffer.Type || Payload.self is [UInt8].Type {
      return try BytesCodec().encode(data)
    }
    return try codecs.encode(data, as: Self.known(contentType, codecs))
  }

  /// The content type to choose a codec by: JSON's for a `+json` that nobody registered.
  private static func known(_ contentType: String, _ codecs: CodecRegistry) -> String {
    guard MediaType.isJSON(contentType), (try? codecs.codec(for: contentType)) == nil else {
      return contentType
    }
    return MediaType.json
  }
}

// MARK: Binary mode

extension CloudEvent {
  private func writeHeaders(
    to message: inout Message, codecs: CodecRegistry, binding: CloudEventBinding,
    as contentType: String
  ) throws(GodwitError) {
    var attributes = self.attributes
    if let data = self.data {
      let contentType = self.dataContentType ?? contentType
      message.body = try Self.bytes(data, as: contentType, codecs)
      message.contentType = contentType
      if binding.repeatsContentType {
        attributes.append(("datacontenttype", .string(contentType)))
      }
    } else {
      message.body = ByteBuffer()
      message.contentType = self.dataContentType
    }
    for (name, value) in attributes {
      message.headers[binding.attributePrefix + name] =
        binding.isPercentEncoded ? PercentEncoding.encode(value.text) : value.text
    }
  }

  private init(
    binary message: Message, codecs: CodecRegistry, binding: CloudEventBinding,
    unlessSaid contentType: String
  ) throws(GodwitError) {
    var attributes: [String: CloudEventAttribute] = [:]
    for field in message.headers {
      guard let name = Self.attributeName(field.name, binding.attributePrefix) else { continue }
      guard let text = binding.isPercentEncoded ? PercentEncoding.decode(field.value) : field.value
      else { throw GodwitError(.decodingFailed, "the attribute '\(name)' is not UTF-8") }
      guard attributes.updateValue(.string(text), forKey: name) == nil else {
        throw GodwitError(.decodingFailed, "the attribute '\(name)' occurs twice")
      }
    }
    // The message's own content type is the one that routers and proxies have seen.
    if let own = message.contentType { attributes["datacontenttype"] = .string(own) }
    // Whether it is an event at all comes first.
    try self.init(attributes: attributes, data: nil)
    guard message.body.readableBytes > 0 || self.dataContentType != nil else { return }
    self.data = try codecs.decode(
      Payload.self, from: message.body,
      contentType: Self.known(self.dataContentType ?? contentType, codecs))
  }

  /// The attribute that a header carries; `nil` for headers of others.
  private static func attributeName(_ header: String, _ prefix: String) -> String? {
    guard header.utf8.count > prefix.utf8.count else { return nil }
    // Headers with a prefix are found whatever their case; without one, names are exact.
    let header = prefix.isEmpty ? header : header.lowercased()
    guard header.hasPrefix(prefix.lowercased()) else { return nil }
    let name = String(header.dropFirst(prefix.count))
    return CloudEventAttributes.isName(name) ? name : nil
  }
}

// MARK: Structured mode

extension CloudEvent {
  /// The event as one JSON document (JSON Event Format, 3).
  private func document(_ codecs: CodecRegistry) throws(GodwitError) -> ByteBuffer {
    let contentType = self.dataContentType ?? MediaType.usual(for: Payload.self)
    let bytes = try self.data.map { data throws(GodwitError) in
      try Self.bytes(data, as: contentType, codecs)
    }
    var writer = JSONWriter()
    writer.object { writer in
      for (name, value) in self.attributes {
        switch value {
        case .string(let text): writer.member(name, text)
        case .integer(let number): writer.member(name, number)
        case .boolean(let flag): writer.member(name, flag)
        }
      }
      guard let bytes else {
        if let contentType = self.dataContentType { writer.member("datacontenttype", contentType) }
        return
      }
      writer.member("datacontenttype", contentType)
      if Payload.self is ByteBuffer.Type || Payload.self is [UInt8].Type {
        writer.member("data_base64", Base64.encode(bytes.readableBytesView))
      } else if MediaType.isJSON(contentType) {
        writer.name("data")
        writer.verbatim(bytes.readableBytesView)
      } else if Payload.self is String.Type {
        writer.member("data", String(buffer: bytes))
      } else {
        writer.member("data_base64", Base64.encode(bytes.readableBytesView))
      }
    }
    return ByteBuffer(bytes: writer.bytes)
  }

  private init(structured body: ByteBuffer, codecs: CodecRegistry) throws(GodwitError) {
    guard body.readableBytes <= codecs.bodyBytesMax else {
      throw GodwitError(
        .tooLarge,
        "an event of \(body.readableBytes) bytes; at most \(codecs.bodyBytesMax) are decoded")
    }
    let text = Array(body.readableBytesView)
    var attributes: [String: CloudEventAttribute] = [:]
    var data: Range<Int>?
    var encoded: Range<Int>?
    do {
      var limits = JSONLimits.defaults
      limits.bytesMax = codecs.bodyBytesMax
      var names: Set<String> = []
      for member in try JSONMember.all(of: text, limits: limits) {
        guard names.insert(member.name).inserted else {
          throw GodwitError(.decodingFailed, "the member '\(member.name)' occurs twice")
        }
        switch member.name {
        case "data": data = member.range
        case "data_base64": encoded = member.range
        default:
          attributes[member.name] = try Self.attribute(
            member.name, try JSONValue(parsing: Array(text[member.range])))
        }
      }
    } catch let error as GodwitError {
      throw error
    } catch {
      throw GodwitError(.decodingFailed, "a CloudEvent from JSON", cause: error)
    }
    try self.init(attributes: attributes, data: nil)
    let contentType = self.dataContentType
    guard let bytes = try Self.data(text, data, encoded, contentType) else { return }
    let implied = data == nil ? MediaType.usual(for: Payload.self) : MediaType.json
    self.data = try codecs.decode(
      Payload.self, from: bytes, contentType: Self.known(contentType ?? implied, codecs))
  }

  /// An attribute's value (2.2); `nil` for null, which is as if it were not there.
  private static func attribute(
    _ name: String, _ value: JSONValue
  ) throws(GodwitError) -> CloudEventAttribute? {
    switch value {
    case .null: return nil
    case .string(let text): return .string(text)
    case .bool(let flag): return .boolean(flag)
    case .integer(let number):
      if let number = Int32(exactly: number) { return .integer(number) }
    case .double, .array, .object: break
    }
    throw GodwitError(.decodingFailed, "the attribute '\(name)' has no type of CloudEvents")
  }

  /// The data's bytes (3.1.2); `nil` when there are none.
  private static func data(
    _ text: [UInt8], _ data: Range<Int>?, _ encoded: Range<Int>?, _ contentType: String?
  ) throws(GodwitError) -> ByteBuffer? {
    let unreadable = GodwitError(.decodingFailed, "an event whose data cannot be read")
    switch (data, encoded) {
    case (nil, nil): return nil
    case (.some, .some): throw unreadable
    case (.some(let range), nil):
      let json = text[range]
      if json.elementsEqual("null".utf8) { return nil }
      if MediaType.isJSON(contentType ?? MediaType.json) { return ByteBuffer(bytes: json) }
      guard let string = Self.string(json) else { throw unreadable }
      return ByteBuffer(string: string)
    case (nil, .some(let range)):
      if text[range].elementsEqual("null".utf8) { return nil }
      guard let string = Self.string(text[range]), let bytes = Base64.decode(string.utf8) else {
        throw unreadable
      }
      return ByteBuffer(bytes: bytes)
    }
  }

  /// A JSON string's text, however long.
  private static func string(_ json: ArraySlice<UInt8>) -> String? {
    var limits = JSONLimits.defaults
    limits.bytesMax = json.count
    return (try? JSONValue(parsing: Array(json), limits: limits))?.string
  }
}
