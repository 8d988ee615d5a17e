/// The subject of an X.509 certificate (RFC 5280, 4.1.2.6), read from its DER bytes.
///
/// Only the walk to the subject is here; the certificate's signature and validity were checked by
/// the TLS library before.
struct CertificateSubject {
  /// The attributes in order, as in `CN=device-7,O=Example`.
  let text: String
  /// The first common name.
  let commonName: String?

  init?(der: [UInt8]) {
    var certificate = DERReader(der[...])
    guard var outer = certificate.enter(0x30), var body = outer.enter(0x30) else { return nil }
    _ = body.enter(0xA0)
    // serialNumber, signature, issuer, validity
    guard body.enter(0x02) != nil, body.enter(0x30) != nil, body.enter(0x30) != nil,
      body.enter(0x30) != nil, var subject = body.enter(0x30)
    else { return nil }
    var parts: [String] = []
    var common: String?
    while var set = subject.enter(0x31) {
      while var attribute = set.enter(0x30) {
        guard let type = attribute.enter(0x06), let value = attribute.any() else { continue }
        let text = String(decoding: value.bytes, as: UTF8.self)
        let name = Self.name(of: Array(type.bytes))
        if name == "CN", common == nil { common = text }
        parts.append("\(name)=\(text)")
      }
    }
    self.text = parts.joined(separator: ",")
    self.commonName = common
  }

  private static func name(of type: [UInt8]) -> String {
    guard type.count == 3, type[0] == 0x55, type[1] == 0x04 else { return "OID" }
    switch type[2] {
    case 3: return "CN"
    case 5: return "serialNumber"
    case 6: return "C"
    case 7: return "L"
    case 8: return "ST"
    case 10: return "O"
    case 11: return "OU"
    default: return "2.5.4.\(type[2])"
    }
  }
}

/// Reads tag-length-value structures (X.690), bounds checked.
private struct DERReader {
  var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  /// The contents of the next element when it has `tag`; else `nil`, and nothing is skipped.
  mutating func enter(_ tag: UInt8) -> DERReader? {
    guard self.bytes.first == tag else { return nil }
    return self.any()
  }

  /// The contents of the next element.
  mutating func any() -> DERReader? {
    var rest = self.bytes.dropFirst()
    guard let first = rest.popFirst() else { return nil }
    var length = Int(first)
    if first & 0x80 != 0 {
      let size = Int(first & 0x7F)
      guard size >= 1, size <= 4, rest.count >= size else { return nil }
      length = 0
      for _ in 0..<size {
        guard let byte = rest.popFirst() else { return nil }
        length = length << 8 | Int(byte)
      }
    }
    guard rest.count >= length else { return nil }
    let contents = rest.prefix(length)
    self.bytes = rest.dropFirst(length)
    return DERReader(contents)
  }
}
