/// What an expression means, before it is a program.
indirect enum MQTTExpressionTree {
  case empty
  case character(MQTTCharacterSet)
  case sequence([MQTTExpressionTree])
  case choice([MQTTExpressionTree])
  case group(MQTTExpressionTree, number: Int)
  case repeated(MQTTExpressionTree, least: Int, most: Int?, isGreedy: Bool)
  case start
  case end
}

/// Reads expressions; see `MQTTExpression` for the syntax.
struct MQTTExpressionParser {
  /// How deep groups may stand in each other.
  private static let depthMax = 32
  private static let countMax = 1_000

  private var rest: Substring.UnicodeScalarView
  /// How many groups keep their text.
  private(set) var groupCount = 0
  private var depth = 0

  init(_ text: String) { rest = Substring(text).unicodeScalars }

  private func failure(_ reason: String) -> MQTTExpression.Failure {
    MQTTExpression.Failure(reason: reason)
  }

  /// Reads the whole text.
  mutating func parse() throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    let tree = try choice()
    guard rest.isEmpty else { throw failure("`)` without `(`") }
    return tree
  }

  private mutating func choice() throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    var choices = [try sequence()]
    while rest.first == "|" {
      rest.removeFirst()
      choices.append(try sequence())
    }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence() throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    var parts: [MQTTExpressionTree] = []
    while let first = rest.first, first != "|", first != ")" {
      parts.append(try repeated(try atom()))
    }
    return parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func atom() throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    guard let first = rest.popFirst() else { return .empty }
    switch first {
    case "(": return try group()
    case "[": return .character(try set())
    case ".": return .character(.any)
    case "^": return .start
    case "$": return .end
    case "\\": return .character(try escape())
    case "*", "+", "?", "{": throw failure("`\(first)` with nothing before it")
    default: return .character(MQTTCharacterSet(ranges: [first.value...first.value]))
    }
  }

  private mutating func group() throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else { throw failure("groups stand too deep in each other") }
    var number: Int?
    if rest.first == "?" {
      rest.removeFirst()
      guard rest.popFirst() == ":" else {
        throw failure("of the groups that begin with `(?`, only `(?:` is known")
      }
    } else {
      groupCount += 1
      number = groupCount
    }
    let inner = try choice()
    guard rest.popFirst() == ")" else { throw failure("`(` without `)`") }
    return number.map { .group(inner, number: $0) } ?? inner
  }

  private mutating func repeated(
    _ tree: MQTTExpressionTree
  ) throws(MQTTExpression.Failure) -> MQTTExpressionTree {
    var least = 0
    var most: Int?
    switch rest.first {
    case "*": rest.removeFirst()
    case "+":
      rest.removeFirst()
      least = 1
    case "?":
      rest.removeFirst()
      most = 1
    case "{":
      rest.removeFirst()
      (least, most) = try bounds()
    default: return tree
    }
    var isGreedy = true
    if rest.first == "?" {
      rest.removeFirst()
      isGreedy = false
    }
    if let next = rest.first, "*+?{".unicodeScalars.contains(next) {
      throw failure("two repetitions after each other")
    }
    return .repeated(tree, least: least, most: most, isGreedy: isGreedy)
  }

  private mutating func bounds() throws(MQTTExpression.Failure) -> (Int, Int?) {
    let least = try number()
    var most: Int? = least
    if rest.first == "," {
      rest.removeFirst()
      most = rest.first == "}" ? nil : try number()
    }
    guard rest.popFirst() == "}", most.map({ $0 >= least }) ?? true else {
      throw failure("`{` without a count such as `{2}` or `{1,3}`")
    }
    return (least, most)
  }

  private mutating func number() throws(MQTTExpression.Failure) -> Int {
    var value = 0
    var isThere = false
    while let digit = rest.first, ("0"..."9").contains(digit) {
      rest.removeFirst()
      isThere = true
      value = value * 10 + Int(digit.value - 0x30)
      guard value <= Self.countMax else { throw failure("a repetition counts too far") }
    }
    guard isThere else { throw failure("`{` without a count such as `{2}` or `{1,3}`") }
    return value
  }

  private mutating func escape() throws(MQTTExpression.Failure) -> MQTTCharacterSet {
    guard let next = rest.popFirst() else { throw failure("`\\` at the end") }
    var set: MQTTCharacterSet
    switch next {
    case "d", "D": set = .digits
    case "w", "W": set = .wordCharacters
    case "s", "S": set = .blanks
    case "a"..."z", "A"..."Z", "0"..."9": throw failure("`\\\(next)` is not known")
    default: return MQTTCharacterSet(ranges: [next.value...next.value])
    }
    set.isNegated = ("A"..."Z").contains(next)
    return set
  }

  /// What follows `[`.
  private mutating func set() throws(MQTTExpression.Failure) -> MQTTCharacterSet {
    var set = MQTTCharacterSet(ranges: [])
    if rest.first == "^" {
      rest.removeFirst()
      set.isNegated = true
    }
    var isFirst = true
    while let next = rest.popFirst() {
      if next == "]", !isFirst { return set }
      isFirst = false
      var low = MQTTCharacterSet(ranges: [next.value...next.value])
      if next == "\\" { low = try escape() }
      if next == "[", rest.first == ":" {
        throw failure("classes such as `[:alpha:]` are not known")
      }
      let ahead = rest.dropFirst().first
      guard rest.first == "-", let ahead, ahead != "]" else {
        set.ranges += low.positive
        continue
      }
      rest.removeFirst(2)
      let high =
        ahead == "\\" ? try escape() : MQTTCharacterSet(ranges: [ahead.value...ahead.value])
      guard let from = low.single, let to = high.single, from <= to else {
        throw failure("a set has a range that is none")
      }
      set.ranges.append(from...to)
    }
    throw failure("`[` without `]`")
  }
}

extension MQTTCharacterSet {
  /// The only character of the set.
  fileprivate var single: UInt32? {
    guard !isNegated, ranges.count == 1, ranges[0].count == 1 else { return nil }
    return ranges[0].lowerBound
  }
}

/// Makes programs of trees.
struct MQTTExpressionCompiler {
  private(set) var program: [MQTTExpression.Step] = []
  /// Trees that were gone through, copies of repeated ones included: also those without a step.
  private var work = 0

  private mutating func append(_ step: MQTTExpression.Step) throws(MQTTExpression.Failure) {
    guard program.count < MQTTExpression.stepsMax else {
      throw MQTTExpression.Failure(reason: "the expression is too large")
    }
    program.append(step)
  }

  /// Adds what a tree means to the program.
  mutating func add(_ tree: MQTTExpressionTree) throws(MQTTExpression.Failure) {
    work += 1
    guard work <= 10 * MQTTExpression.stepsMax else {
      throw MQTTExpression.Failure(reason: "the expression is too large")
    }
    switch tree {
    case .empty: break
    case .character(let set): try append(.character(set))
    case .start: try append(.start)
    case .end: try append(.end)
    case .sequence(let parts): for part in parts { try add(part) }
    case .group(let inner, let number) where number > MQTTExpression.groupsMax: try add(inner)
    case .group(let inner, let number):
      try append(.save(2 * number - 2))
      try add(inner)
      try append(.save(2 * number - 1))
    case .choice(let choices): try add(choices: choices[...])
    case .repeated(let inner, let least, let most, let isGreedy):
      for _ in 0..<least { try add(inner) }
      if let most {
        try add(inner, atMost: most - least, isGreedy)
      } else {
        try add(anyNumberOf: inner, isGreedy)
      }
    }
  }

  private mutating func add(
    choices: ArraySlice<MQTTExpressionTree>
  ) throws(MQTTExpression.Failure) {
    var jumps: [Int] = []
    for (index, choice) in zip(choices.indices, choices) {
      guard index < choices.endIndex - 1 else {
        try add(choice)
        break
      }
      let split = program.count
      try append(.split(split + 1, 0))
      try add(choice)
      jumps.append(program.count)
      try append(.jump(0))
      program[split] = .split(split + 1, program.count)
    }
    for jump in jumps { program[jump] = .jump(program.count) }
  }

  private mutating func add(
    _ inner: MQTTExpressionTree, atMost count: Int, _ isGreedy: Bool
  ) throws(MQTTExpression.Failure) {
    var splits: [Int] = []
    for _ in 0..<count {
      splits.append(program.count)
      try append(.split(0, 0))
      try add(inner)
    }
    for split in splits { program[split] = way(split + 1, program.count, isGreedy) }
  }

  private mutating func add(
    anyNumberOf inner: MQTTExpressionTree, _ isGreedy: Bool
  ) throws(MQTTExpression.Failure) {
    let split = program.count
    try append(.split(0, 0))
    try add(inner)
    try append(.jump(split))
    program[split] = way(split + 1, program.count, isGreedy)
  }

  private func way(_ inner: Int, _ past: Int, _ isGreedy: Bool) -> MQTTExpression.Step {
    isGreedy ? .split(inner, past) : .split(past, inner)
  }
}
