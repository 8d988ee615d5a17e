import GodwitPrimitives
import Testing

private final class Leaf: TopicTreeEntry {
  var treePosition = -1
  let text: String
  let pattern: TopicPattern

  init(_ text: String, _ tail: TopicPattern.Tail) {
    self.text = text
    self.pattern = GodwitPrimitives.TopicPattern(canonical: Array(text.utf8), openTail: tail)
  }
}

struct TopicTreeTests {
  /// What a match costs can be seen, so that callers can bound it.
  @Test func matchingIsCounted() {
    let tree = TopicTree<Leaf>()
    let leaves = (0..<16).map { number in
      let levels = (0..<4).map { number >> $0 & 1 == 0 ? "a" : "*" }
      return Leaf(levels.joined(separator: ".") + ".z", .oneOrMore)
    }
    for leaf in leaves { tree.insert(leaf, at: leaf.pattern) }
    func visits(_ topic: String) -> UInt64 {
      let before = tree.visits
      Array(topic.utf8).withUnsafeBytes { tree.match($0) { _ in } }
      return tree.visits - before
    }
    #expect(visits("b") == 2)
    // The root, two, four, eight and sixteen nodes, and then nothing.
    #expect(visits("a.a.a.a.x") == 31)
    #expect(visits("a.a.a.a.z") == 47)
  }

  @Test(arguments: 1...20)
  func matchAgreesWithAListOfPatterns(seed: UInt64) {
    var random = Random(seed: seed)
    let tree = TopicTree<Leaf>()
    var leaves: [Leaf] = []
    for _ in 0..<600 {
      if leaves.isEmpty || Int.random(in: 0..<3, using: &random) > 0 {
        let leaf = Leaf(
          random.levels(wildcards: true), Bool.random(using: &random) ? .oneOrMore : .zeroOrMore)
        tree.insert(leaf, at: leaf.pattern)
        leaves.append(leaf)
      } else {
        let leaf = leaves.remove(at: Int.random(in: 0..<leaves.count, using: &random))
        #expect(tree.remove(leaf, at: leaf.pattern))
        #expect(!tree.remove(leaf, at: leaf.pattern))
      }
      let topic = random.levels(wildcards: false)
      var found: Set<ObjectIdentifier> = []
      Array(topic.utf8).withUnsafeBytes { bytes in
        tree.match(bytes) { leaf in
          #expect(found.insert(ObjectIdentifier(leaf)).inserted)
        }
      }
      let expected = leaves.filter { naiveMatch($0.text, $0.pattern.tail, topic) }
      #expect(found == Set(expected.map { ObjectIdentifier($0) }), "\(topic)")
      #expect(tree.count == leaves.count)
      // Where its last level makes no difference, another one makes none.
      var alike: Set<ObjectIdentifier> = []
      let isAlike = Array(topic.utf8).withUnsafeBytes { bytes in
        tree.matchAlike(bytes) { alike.insert(ObjectIdentifier($0)) }
      }
      #expect(alike == found)
      if isAlike {
        let front = topic.lastIndex(of: ".").map { topic[...$0] } ?? ""
        for last in ["a", "b", "c", "other"] {
          let expected = leaves.filter { naiveMatch($0.text, $0.pattern.tail, front + last) }
          #expect(found == Set(expected.map { ObjectIdentifier($0) }), "\(topic) \(last)")
        }
      }
    }
  }

  @Test(arguments: 1...20)
  func searchAgreesWithAListOfTopics(seed: UInt64) {
    var random = Random(seed: seed)
    let tree = TopicTree<Leaf>()
    var topics: [String: Leaf] = [:]
    for _ in 0..<60 {
      let topic = random.levels(wildcards: false)
      guard topics[topic] == nil else { continue }
      let leaf = Leaf(topic, .oneOrMore)
      tree.insert(leaf, at: leaf.pattern)
      topics[topic] = leaf
    }
    for _ in 0..<400 {
      let text = random.levels(wildcards: true)
      let tail: TopicPattern.Tail = Bool.random(using: &random) ? .oneOrMore : .zeroOrMore
      let reserved: TopicPattern.Reserved = Bool.random(using: &random) ? .system : .dollar
      let asked = pattern(text, tail, reserved)
      var found: Set<String> = []
      tree.search(asked) { leaf in
        #expect(found.insert(leaf.text).inserted)
        return true
      }
      let expected = topics.keys.filter { matches(asked, $0) }
      #expect(found == Set(expected), "\(text) \(tail) \(reserved)")
    }
  }

  @Test func searchStopsWhenToldTo() {
    let tree = TopicTree<Leaf>()
    for name in ["a.1", "a.2", "a.3"] {
      let leaf = Leaf(name, .oneOrMore)
      tree.insert(leaf, at: leaf.pattern)
    }
    var seen = 0
    tree.search(pattern("a.*")) { _ in
      seen += 1
      return false
    }
    #expect(seen == 1)
  }

  @Test func aVeryDeepTopicNeedsNoStack() {
    let tree = TopicTree<Leaf>()
    let leaf = Leaf(String(repeating: ".", count: 300_000), .oneOrMore)
    let other = Leaf(String(repeating: ".", count: 299_999) + "x", .oneOrMore)
    tree.insert(leaf, at: leaf.pattern)
    tree.insert(other, at: other.pattern)
    var seen = 0
    let count = { (_: Leaf) -> Bool in
      seen += 1
      return true
    }
    tree.search(pattern(">"), count)
    tree.search(leaf.pattern, count)
    tree.forEach(count)
    #expect(seen == 5)
    #expect(tree.entry(at: leaf.pattern) === leaf)
    // One is taken out, the other goes with the tree.
    #expect(tree.remove(leaf, at: leaf.pattern))
  }

  @Test(arguments: 1...20)
  func aCursorOutlivesChanges(seed: UInt64) {
    var random = Random(seed: seed)
    let tree = TopicTree<Leaf>()
    var present: [String: Leaf] = [:]
    func add(_ topic: String) {
      guard present[topic] == nil else { return }
      let leaf = Leaf(topic, .oneOrMore)
      tree.insert(leaf, at: leaf.pattern)
      present[topic] = leaf
    }
    for _ in 0..<80 { add(random.levels(wildcards: false)) }
    let text = random.levels(wildcards: true)
    let asked = pattern(Bool.random(using: &random) ? ">" : text, .zeroOrMore, .dollar)
    var stayed = Set(present.keys.filter { matches(asked, $0) })
    var allowed = stayed
    var found: [String] = []
    let cursor = TopicTree<Leaf>.Cursor(tree, asked)
    while !cursor.isAtEnd {
      cursor.advance(1) { leaf in
        found.append(leaf.text)
        return true
      }
      if Bool.random(using: &random), let leaf = present.randomElement(using: &random)?.value {
        present[leaf.text] = nil
        stayed.remove(leaf.text)
        #expect(tree.remove(leaf, at: leaf.pattern))
      } else {
        let topic = random.levels(wildcards: false)
        if matches(asked, topic) { allowed.insert(topic) }
        add(topic)
      }
    }
    #expect(stayed.isSubset(of: found))
    #expect(Set(found).isSubset(of: allowed))
  }

  @Test func whatIsTakenOutAtOnceIsGone() {
    let tree = TopicTree<Leaf>()
    let empty = tree.byteCount
    let leaves = ["a.b", "a.b.c", "d"].map { Leaf($0, .exact) } + [Leaf(">", .oneOrMore)]
    for leaf in leaves { tree.insert(leaf, at: leaf.pattern) }
    let rested = TopicTree<Leaf>.Cursor(tree, pattern(">"))
    #expect(rested.advance(2) { _ in true })
    let fresh = TopicTree<Leaf>.Cursor(tree, pattern(">"))
    tree.takeApart(.max)
    #expect(tree.count == 0 && tree.byteCount == empty)
    #expect(!tree.remove(leaves[0], at: leaves[0].pattern))
    Array("a.b".utf8).withUnsafeBytes { bytes in
      tree.match(bytes) { _ in Issue.record("the tree is empty") }
    }
    tree.insert(leaves[2], at: leaves[2].pattern)
    #expect(!rested.advance(10) { _ in true } && rested.isAtEnd)
    var found: [String] = []
    while fresh.advance(1, { found.append($0.text) == () }) {}
    #expect(found == ["d"])
  }

  @Test func anEmptiedTreeHoldsNothing() {
    let tree = TopicTree<Leaf>()
    let leaves = (0..<100).map { Leaf("a.b.\($0).*.>", .oneOrMore) }
    for leaf in leaves { tree.insert(leaf, at: leaf.pattern) }
    for leaf in leaves.shuffled() { tree.remove(leaf, at: leaf.pattern) }
    #expect(tree.count == 0)
    Array("a.b.7.x.y".utf8).withUnsafeBytes { bytes in
      tree.match(bytes) { _ in Issue.record("the tree is empty") }
    }
  }
}
