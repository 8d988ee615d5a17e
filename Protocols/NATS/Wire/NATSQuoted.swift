/// Quotes bytes of a peer the way Go's `%q` does, which is how nats-server names subjects in its
/// errors: control characters, quotes and bytes that are not UTF-8 cannot break the line.
public func natsQuoted(_ bytes: UnsafeRawBufferPointer) -> String {
  var text = "\""
  var decoder = UTF8()
  var iterator = bytes.makeIterator()
  var offset = 0
  while true {
    switch decoder.decode(&iterator) {
    case .scalarValue(let scalar):
      appendQuoted(scalar, to: &text)
      offset += UTF8.width(scalar)
    case .emptyInput:
      text += "\""
      return text
    case .error:
      text += "\\x" + hex(UInt32(bytes[offset]), digits: 2)
      offset += 1
      decoder = UTF8()
      iterator = UnsafeRawBufferPointer(rebasing: bytes[offset...]).makeIterator()
    }
  }
}

private func appendQuoted(_ scalar: Unicode.Scalar, to text: inout String) {
  switch scalar {
  case "\"": text += "\\\""
  case "\\": text += "\\\\"
  case "\u{7}": text += "\\a"
  case "\u{8}": text += "\\b"
  case "\u{C}": text += "\\f"
  case "\n": text += "\\n"
  case "\r": text += "\\r"
  case "\t": text += "\\t"
  case "\u{B}": text += "\\v"
  default:
    if isPrintable(scalar) {
      text.unicodeScalars.append(scalar)
    } else if scalar.value < 0x80 {
      text += "\\x" + hex(scalar.value, digits: 2)
    } else if scalar.value < 0x10000 {
      text += "\\u" + hex(scalar.value, digits: 4)
    } else {
      text += "\\U" + hex(scalar.value, digits: 8)
    }
  }
}

private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
    .paragraphSeparator:
    false
  case .spaceSeparator: scalar == " "
  default: true
  }
}

private func hex(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
