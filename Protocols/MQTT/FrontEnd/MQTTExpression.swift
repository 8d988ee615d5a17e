/// A regular expression over a whole name, matched in time proportional to the name's length:
/// topics are a stranger's, and an engine that backtracks can be made to try for hours.
///
/// All ways to match are followed side by side (Thompson's construction, with the groups' places
/// kept per way). The syntax: literals, `.`, sets such as `[a-z_]` and `[^/]`,
/// `\d \D \w \W \s \S`, `\` before any other character that is not a letter or digit, groups
/// `(…)` and `(?:…)`, `|`, `^`, `$`, and the repetitions `* + ? {n} {n,} {n,m}`, each with `?`
/// after it to take as little as possible. No look-around, no references to groups, no flags.
struct MQTTExpression {
  /// What is wrong with an expression, for people.
  struct Failure: Error, Hashable {
    let reason: String
  }

  /// One step of the program.
  enum Step: Hashable {
    /// A character of the set.
    case character(MQTTCharacterSet)
    /// Goes on at both places, the first preferred.
    case split(Int, Int)
    /// Goes on elsewhere.
    case jump(Int)
    /// Notes the place.
    case save(Int)
    /// Only at the beginning.
    case start
    /// Only at the end.
    case end
  }

  /// Groups whose text is kept.
  static let groupsMax = 9
  /// The longest program: it bounds what one character costs.
  static let stepsMax = 500

  private let program: [Step]
  /// How many places are noted.
  private let placesCount: Int

  /// - Throws: `Failure`.
  init(_ text: String) throws(Failure) {
    var parser = MQTTExpressionParser(text)
    let tree = try parser.parse()
    var compiler = MQTTExpressionCompiler()
    try compiler.add(tree)
    program = compiler.program
    placesCount = 2 * min(parser.groupCount, Self.groupsMax)
  }

  /// The ways that are followed at one place in the text, the preferred ones first.
  private struct Ways {
    var steps: [Int] = []
    /// The noted places of each way, one after the other.
    var places: [Int] = []
    /// The place at which a step was last reached, so that none is followed twice.
    var reachedAt: [Int]

    init(_ count: Int) { reachedAt = Array(repeating: -1, count: count) }

    mutating func removeAll() {
      steps.removeAll(keepingCapacity: true)
      places.removeAll(keepingCapacity: true)
    }
  }

  /// Matches the whole of `name`.
  ///
  /// - Returns: the text of the groups, `nil` for those that took no part; `nil` altogether when
  ///   the name does not match.
  func groups(in name: String) -> [Substring?]? {
    let scalars = name.unicodeScalars
    var here = Ways(program.count + 1)
    var next = Ways(program.count + 1)
    // Offsets in UTF-8, so that no index is looked for twice.
    var offset = 0
    let count = name.utf8.count
    var places = Array(repeating: -1, count: placesCount)
    follow(0, 0, count, &places, &here)
    for scalar in scalars {
      let after = offset + UTF8.width(scalar)
      next.removeAll()
      for (index, step) in here.steps.enumerated() {
        guard step < program.count, case .character(let set) = program[step],
          set.contains(scalar.value)
        else { continue }
        for place in places.indices { places[place] = here.places[index * placesCount + place] }
        follow(step + 1, after, count, &places, &next)
      }
      swap(&here, &next)
      offset = after
      if here.steps.isEmpty { return nil }
    }
    guard let found = here.steps.firstIndex(of: program.count) else { return nil }
    return stride(from: found * placesCount, to: (found + 1) * placesCount, by: 2).map { place in
      let from = here.places[place]
      let to = here.places[place + 1]
      guard from >= 0, to >= from else { return nil }
      let bytes = name.utf8
      return name[
        bytes.index(bytes.startIndex, offsetBy: from)..<bytes.index(bytes.startIndex, offsetBy: to)]
    }
  }

  /// Adds everything that is reached from `first` without a character.
  private func follow(
    _ first: Int, _ offset: Int, _ count: Int, _ places: inout [Int], _ ways: inout Ways
  ) {
    var step = first
    while ways.reachedAt[step] != offset {
      ways.reachedAt[step] = offset
      guard step < program.count else {
        // A match, which counts where the text ends.
        ways.steps.append(step)
        ways.places += places
        return
      }
      switch program[step] {
      case .character:
        ways.steps.append(step)
        ways.places += places
        return
      case .jump(let other): step = other
      case .split(let preferred, let other):
        follow(preferred, offset, count, &places, &ways)
        step = other
      case .save(let place):
        let old = places[place]
        places[place] = offset
        follow(step + 1, offset, count, &places, &ways)
        places[place] = old
        return
      case .start:
        guard offset == 0 else { return }
        step += 1
      case .end:
        guard offset == count else { return }
        step += 1
      }
    }
  }
}

/// Characters, as ranges.
struct MQTTCharacterSet: Hashable {
  var ranges: [ClosedRange<UInt32>]
  var isNegated = false

  /// Everything but a line's end.
  static let any = MQTTCharacterSet(ranges: [0x0A...0x0A], isNegated: true)
  static let digits = MQTTCharacterSet(ranges: [0x30...0x39])
  static let wordCharacters = MQTTCharacterSet(
    ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let blanks = MQTTCharacterSet(ranges: [0x09...0x0D, 0x20...0x20])

  func contains(_ character: UInt32) -> Bool {
    ranges.contains { $0.contains(character) } != isNegated
  }

  /// The same set, written without a negation.
  var positive: [ClosedRange<UInt32>] {
    guard isNegated else { return ranges }
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      next = max(next, range.upperBound &+ 1)
    }
    if next <= 0x10FFFF { result.append(next...0x10FFFF) }
    return result
  }
}
