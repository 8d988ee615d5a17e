/// The extent of a function, initialiser, deinitialiser or subscript that has a body.
struct SwiftFunction: Equatable {
  /// Counted from 1.
  var firstLine: Int
  /// The line of the closing brace.
  var lastLine: Int

  var length: Int { lastLine - firstLine + 1 }

  static func all(in lines: [SwiftLine]) -> [SwiftFunction] {
    let tokens = SwiftToken.all(in: lines)
    return tokens.indices.compactMap { index in
      guard isIntroducer(tokens, index), let open = bodyStart(tokens, after: index),
        let close = matchingBrace(tokens, from: open)
      else { return nil }
      return SwiftFunction(firstLine: tokens[index].line, lastLine: tokens[close].line)
    }
  }

  private static let introducers: Set<String> = ["func", "init", "deinit", "subscript"]
  private static let declarations: Set<String> = [
    "func", "init", "deinit", "subscript", "var", "let", "case", "struct", "class", "enum",
    "extension", "typealias", "associatedtype", "protocol",
  ]

  private static func isIntroducer(_ tokens: [SwiftToken], _ index: Int) -> Bool {
    introducers.contains(tokens[index].text) && (index == 0 || tokens[index - 1].text != ".")
  }

  /// A requirement of a protocol has no body: the next declaration or brace comes first.
  private static func bodyStart(_ tokens: [SwiftToken], after start: Int) -> Int? {
    var depth = 0
    for index in tokens.index(after: start)..<tokens.count {
      switch tokens[index].text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return index
      case "}" where depth == 0: return nil
      case let word where depth == 0 && declarations.contains(word): return nil
      default: break
      }
    }
    return nil
  }

  private static func matchingBrace(_ tokens: [SwiftToken], from open: Int) -> Int? {
    var depth = 0
    for index in open..<tokens.count {
      if tokens[index].text == "{" { depth += 1 }
      if tokens[index].text == "}" { depth -= 1 }
      if depth == 0 { return index }
    }
    return nil
  }
}

/// A word or a single mark of code.
struct SwiftToken: Equatable {
  var text: String
  /// Counted from 1.
  var line: Int

  static func all(in lines: [SwiftLine]) -> [SwiftToken] {
    var tokens: [SwiftToken] = []
    for (index, line) in lines.enumerated() {
      var word = ""
      func endWord() {
        if !word.isEmpty { tokens.append(SwiftToken(text: word, line: index + 1)) }
        word = ""
      }
      for character in line.code {
        if isIdentifier(character) || character == "`" {
          word.append(character)
          continue
        }
        endWord()
        if !character.isWhitespace {
          tokens.append(SwiftToken(text: String(character), line: index + 1))
        }
      }
      endWord()
    }
    return tokens
  }
}
