/// A token of a transform's destination, read but not yet bound to the source's wildcards.
enum JetStreamTransformToken {
  typealias Failure = JetStreamSubjectTransform.Failure
  typealias Piece = JetStreamSubjectTransform.Piece

  case literal(String)
  case wildcard(Int)
  case partition(Int32, [Int])
  case split(Int, String)
  case random(Int32)
  /// A function of a wildcard and a size, by its name.
  case sized(String, Int, Int32)

  private static let names: [[String]] = [
    ["wildcard"], ["partition"], ["split", "from", "left"], ["split", "from", "right"],
    ["slice", "from", "left"], ["slice", "from", "right"], ["right"], ["left"], ["split"],
    ["random"],
  ]

  static func isFunction(_ token: String) -> Bool {
    token.utf8.count > 4 && token.hasPrefix("{{") && token.hasSuffix("}}")
  }

  /// The function's name with no capitals but within it; `nil` when there is no such function.
  static func functionName(_ token: String) -> String? { self.call(token)?.name }

  /// Takes `{{ name ( arguments ) }}` apart. Of a name, the first letter of each word may be a
  /// capital.
  private static func call(_ token: String) -> (name: String, arguments: [String])? {
    let inner = token.dropFirst(2).dropLast(2)
    guard let open = inner.firstIndex(of: "("), let close = inner.lastIndex(of: ")"), open < close,
      inner[inner.index(after: close)...].allSatisfy(\.isWhitespace)
    else { return nil }
    let written = self.trimmed(inner[..<open])
    for words in self.names {
      var rest = written[...]
      let matches = words.allSatisfy { word in
        guard rest.count >= word.count else { return false }
        let head = rest.prefix(word.count)
        rest = rest.dropFirst(word.count)
        return head.dropFirst() == word.dropFirst()
          && head.prefix(1).lowercased() == word.prefix(1)
      }
      guard matches, rest.isEmpty else { continue }
      var arguments = inner[inner.index(after: open)..<close]
        .split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
      for index in arguments.indices.dropFirst() {
        arguments[index] = String(arguments[index].drop(while: \.isWhitespace))
      }
      return (words.joined(separator: "-"), arguments)
    }
    return nil
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  private static func number(_ text: String) -> Int? { Int(self.trimmed(text[...])) }

  init(_ token: String) throws(Failure) {
    if token.utf8.count > 1, token.hasPrefix("$"), let index = Int(token.dropFirst()) {
      self = .wildcard(index)
      return
    }
    guard Self.isFunction(token) else {
      self = .literal(token)
      return
    }
    guard let (name, arguments) = Self.call(token) else {
      throw Failure("unknown function", in: token)
    }
    switch name {
    case "wildcard":
      if arguments == [""] { throw Self.tooFew(token) }
      guard arguments.count == 1 else { throw Self.tooMany(token) }
      guard let index = Self.number(arguments[0]) else { throw Self.wrong(token) }
      self = .wildcard(index)
    case "partition":
      let numbers = arguments.map { Self.number($0) }
      guard !numbers.contains(nil), let buckets = numbers[0].flatMap({ Int32(exactly: $0) }) else {
        throw Self.wrong(token)
      }
      self = .partition(buckets, numbers.dropFirst().compactMap { $0 })
    case "random":
      guard arguments.count == 1 else { throw Self.tooFew(token) }
      guard let max = Self.number(arguments[0]).flatMap({ Int32(exactly: $0) }) else {
        throw Self.wrong(token)
      }
      self = .random(max)
    case "split":
      try Self.checkTwo(arguments, token)
      guard let index = Self.number(arguments[0]),
        !arguments[1].contains(" "), !arguments[1].contains(".")
      else { throw Self.wrong(token) }
      self = .split(index, arguments[1])
    default:
      try Self.checkTwo(arguments, token)
      guard let index = Self.number(arguments[0]),
        let size = Self.number(arguments[1]).flatMap({ Int32(exactly: $0) })
      else { throw Self.wrong(token) }
      self = .sized(name, index, size)
    }
  }

  private static func checkTwo(_ arguments: [String], _ token: String) throws(Failure) {
    if arguments.count < 2 { throw self.tooFew(token) }
    if arguments.count > 2 { throw self.tooMany(token) }
  }

  private static func tooFew(_ token: String) -> Failure {
    Failure("not enough arguments passed to the function", in: token)
  }

  private static func tooMany(_ token: String) -> Failure {
    Failure("too many arguments passed to the function", in: token)
  }

  private static func wrong(_ token: String) -> Failure {
    Failure("function argument is invalid or in the wrong format", in: token)
  }

  /// Binds the token to the source's wildcards.
  ///
  /// - Parameter wildcards: where the source has `*`.
  func piece(wildcards: [Int], in token: String) throws(Failure) -> Piece {
    // As in nats-server, numbers below 1 stand for the subject's first token.
    func position(_ number: Int) throws(Failure) -> Int {
      guard number <= wildcards.count else {
        throw Failure("wildcard index out of range", in: "\(token): [\(number)]")
      }
      return number >= 1 ? wildcards[number - 1] : 0
    }
    switch self {
    case .literal(let text): return .literal(text)
    case .random(let max): return .random(max)
    case .wildcard(let number): return .token(try position(number))
    case .split(let number, let delimiter): return .split(try position(number), delimiter)
    case .partition(let buckets, let numbers):
      var positions: [Int] = []
      for number in numbers { positions.append(try position(number)) }
      return .partition(buckets: buckets, tokens: positions)
    case .sized(let name, let number, let size):
      let index = try position(number)
      switch name {
      case "split-from-left": return .splitFromLeft(index, size)
      case "split-from-right": return .splitFromRight(index, size)
      case "slice-from-left": return .sliceFromLeft(index, size)
      case "slice-from-right": return .sliceFromRight(index, size)
      case "left": return .left(index, size)
      default: return .right(index, size)
      }
    }
  }

  /// The token of a source that has no wildcards to speak of.
  func pieceWithoutWildcards(in token: String) throws(Failure) -> Piece {
    switch self {
    case .literal(let text): return .literal(text)
    case .random(let max): return .random(max)
    case .partition(let buckets, _): return .partition(buckets: buckets, tokens: [])
    default: throw Failure("wildcard index out of range", in: token)
    }
  }
}
