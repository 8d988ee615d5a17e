/// One line of Swift, taken apart so that rules see code as code.
struct SwiftLine: Equatable {
  /// The line without comments and without the contents of string literals.
  var code: String
  /// The text of comments on this line, with their markers.
  var comment: String
}

/// Separates code, comments and string literals. It knows just as much Swift as the rules need:
/// nested comments, raw and multi-line strings, and interpolations, whose contents are code again.
struct SwiftLexer {
  private enum Context {
    case code(openParentheses: Int)
    case string(hashes: Int, isMultiline: Bool)
    case lineComment
    case blockComment(depth: Int)
  }

  private let bytes: [UInt8]
  private var position = 0
  private var contexts: [Context] = [.code(openParentheses: 0)]
  private var code: [UInt8] = []
  private var comment: [UInt8] = []
  private var lines: [SwiftLine] = []

  static func lines(of text: String) -> [SwiftLine] {
    var lexer = SwiftLexer(bytes: Array(text.utf8))
    return lexer.run()
  }

  private init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  private mutating func run() -> [SwiftLine] {
    while position < bytes.count {
      guard bytes[position] != UInt8(ascii: "\n") else {
        endLine()
        position += 1
        continue
      }
      switch contexts[contexts.count - 1] {
      case .code(let open): stepInCode(open)
      case .string(let hashes, let isMultiline): stepInString(hashes, isMultiline)
      case .lineComment: take(1, into: \.comment)
      case .blockComment(let depth): stepInBlockComment(depth)
      }
    }
    if !code.isEmpty || !comment.isEmpty { endLine() }
    return lines
  }

  private mutating func endLine() {
    lines.append(
      SwiftLine(
        code: String(decoding: code, as: UTF8.self),
        comment: String(decoding: comment, as: UTF8.self)))
    code.removeAll(keepingCapacity: true)
    comment.removeAll(keepingCapacity: true)
    switch contexts[contexts.count - 1] {
    case .lineComment, .string(_, isMultiline: false): contexts.removeLast()
    default: break
    }
  }

  private mutating func stepInCode(_ open: Int) {
    if starts("//") {
      contexts.append(.lineComment)
      take(2, into: \.comment)
    } else if starts("/*") {
      contexts.append(.blockComment(depth: 1))
      take(2, into: \.comment)
    } else if let quote = openingQuote() {
      contexts.append(.string(hashes: quote.hashes, isMultiline: quote.isMultiline))
      code.append(UInt8(ascii: "\""))
      position += quote.length
    } else if bytes[position] == UInt8(ascii: "(") {
      contexts[contexts.count - 1] = .code(openParentheses: open + 1)
      take(1, into: \.code)
    } else if bytes[position] == UInt8(ascii: ")") {
      if open == 0, contexts.count > 1 {
        contexts.removeLast()
      } else {
        contexts[contexts.count - 1] = .code(openParentheses: max(0, open - 1))
      }
      take(1, into: \.code)
    } else {
      take(1, into: \.code)
    }
  }

  private mutating func stepInString(_ hashes: Int, _ isMultiline: Bool) {
    let hashMarks = String(repeating: "#", count: hashes)
    let closing = (isMultiline ? "\"\"\"" : "\"") + hashMarks
    if starts("\\" + hashMarks + "(") {
      contexts.append(.code(openParentheses: 0))
      code.append(UInt8(ascii: "("))
      position += hashes + 2
    } else if starts("\\" + hashMarks) {
      position += min(hashes + 2, remainingOnLine())
    } else if starts(closing) {
      contexts.removeLast()
      code.append(UInt8(ascii: "\""))
      position += closing.utf8.count
    } else {
      position += 1
    }
  }

  private mutating func stepInBlockComment(_ depth: Int) {
    if starts("*/") {
      take(2, into: \.comment)
      contexts.removeLast()
      if depth > 1 { contexts.append(.blockComment(depth: depth - 1)) }
    } else if starts("/*") {
      contexts[contexts.count - 1] = .blockComment(depth: depth + 1)
      take(2, into: \.comment)
    } else {
      take(1, into: \.comment)
    }
  }

  private mutating func take(_ count: Int, into target: WritableKeyPath<SwiftLexer, [UInt8]>) {
    self[keyPath: target].append(contentsOf: bytes[position..<position + count])
    position += count
  }

  private func starts(_ text: String) -> Bool {
    bytes[position...].starts(with: text.utf8)
  }

  private func remainingOnLine() -> Int {
    (bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count) - position
  }

  private func openingQuote() -> (hashes: Int, isMultiline: Bool, length: Int)? {
    let hashes = bytes[position...].prefix { $0 == UInt8(ascii: "#") }.count
    let rest = bytes[(position + hashes)...]
    if rest.starts(with: "\"\"\"".utf8) { return (hashes, true, hashes + 3) }
    if rest.starts(with: "\"".utf8) { return (hashes, false, hashes + 1) }
    return nil
  }
}
