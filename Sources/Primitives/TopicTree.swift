/// What a `TopicTree` holds: it remembers its place, so that taking it out costs no search.
public protocol TopicTreeEntry: AnyObject {
  /// Kept by the tree; nobody else writes it.
  var treePosition: Int { get set }
}

/// A trie over dot-separated levels. It holds patterns and finds those that match a topic, or
/// holds topics and finds those that a pattern matches.
///
/// Not `Sendable`: a tree belongs to one event loop. What finds is inlinable, so that other modules
/// have it for their own kind of entry.
public final class TopicTree<Entry: TopicTreeEntry> {
  @usableFromInline final class Node {
    @usableFromInline let level: [UInt8]
    let hash: LevelHash
    unowned let parent: Node?
    @usableFromInline var children: [LevelHash: Node] = [:]
    /// The next child of the same parent whose level has the same hash.
    @usableFromInline var collision: Node?
    @usableFromInline var single: Node?
    /// All children, `single` among them, in a list that a cursor can follow while it changes. The
    /// members above keep them alive.
    unowned var firstChild: Node?
    unowned var nextSibling: Node?
    unowned var previousSibling: Node?
    @usableFromInline var exact: [Entry] = []
    @usableFromInline var oneOrMore: [Entry] = []
    @usableFromInline var zeroOrMore: [Entry] = []

    init(level: [UInt8], hash: LevelHash, parent: Node?) {
      self.level = level
      self.hash = hash
      self.parent = parent
    }

    /// The node, its level, its list of entries, and its place among the children of another, whose
    /// table is up to half empty. As measured with glibc, 64 bits.
    var byteCount: Int { 288 + self.level.count }

    var isEmpty: Bool {
      self.exact.isEmpty && self.oneOrMore.isEmpty && self.zeroOrMore.isEmpty
        && self.firstChild == nil
    }

    /// The node that follows in a walk over everything, parents first.
    var following: Node? {
      if let child = self.firstChild { return child }
      var node = self
      while true {
        if let sibling = node.nextSibling { return sibling }
        guard let parent = node.parent else { return nil }
        node = parent
      }
    }
  }

  @usableFromInline let hash: ByteHash
  @usableFromInline let root = Node(level: [], hash: LevelHash(0), parent: nil)
  /// Walks that rest, by the node where they go on.
  var resting: [ObjectIdentifier: [Unmanaged<Cursor>]] = [:]
  /// How many entries the tree holds.
  public private(set) var count = 0
  @usableFromInline var visitCount: UInt64 = 0
  /// How many nodes all calls of `match` have visited.
  public var visits: UInt64 { self.visitCount }
  /// What its nodes take of memory, about; their entries are not counted.
  public private(set) var byteCount = 0

  /// An empty tree with a random hash seed.
  public init() {
    self.hash = ByteHash()
  }

  deinit { self.takeApart(.max) }

  /// Takes out everything, some of it at a time. Walks that have begun are over.
  ///
  /// It goes from leaf to leaf, so that a deep tree needs no deep stack.
  ///
  /// - Parameters:
  ///   - nodesMax: how many nodes go at most.
  ///   - body: called with each entry that goes.
  /// - Returns: whether there is more.
  @discardableResult
  public func takeApart(_ nodesMax: Int, _ body: (Entry) -> Void = { _ in }) -> Bool {
    for cursors in self.resting.values {
      for cursor in cursors { cursor._withUnsafeGuaranteedRef { $0.end() } }
    }
    self.resting.removeAll()
    var node = self.root
    var left = nodesMax
    while left > 0 {
      if let child = node.firstChild {
        node = child
        continue
      }
      for list in [node.exact, node.oneOrMore, node.zeroOrMore] {
        self.count -= list.count
        for entry in list { body(entry) }
      }
      guard let parent = node.parent else {
        node.exact = []
        node.oneOrMore = []
        node.zeroOrMore = []
        return false
      }
      Self.unlink(node, from: parent)
      self.byteCount -= node.byteCount
      node = parent
      left -= 1
    }
    return true
  }

  /// Adds `entry` under `pattern`. The same pattern may hold any number of entries.
  public func insert(_ entry: Entry, at pattern: TopicPattern) {
    let node = self.node(at: pattern, create: true)
    guard let node else { return }
    self.count += 1
    Self.withList(of: node, pattern.tail) { list in
      entry.treePosition = list.count
      list.append(entry)
    }
  }

  /// Takes `entry`, inserted before under the same pattern, out again.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  public func remove(_ entry: Entry, at pattern: TopicPattern) -> Bool {
    guard let node = self.node(at: pattern, create: false) else { return false }
    let removed = Self.withList(of: node, pattern.tail) { list in
      let position = entry.treePosition
      guard list.indices.contains(position), list[position] === entry else { return false }
      let last = list.removeLast()
      if last !== entry {
        list[position] = last
        last.treePosition = position
      }
      return true
    }
    guard removed else { return false }
    self.count -= 1
    self.prune(node)
    return true
  }

  /// The entry held under exactly `pattern`, whose end is not open.
  public func entry(at pattern: TopicPattern) -> Entry? {
    self.node(at: pattern, create: false)?.exact.first
  }

  /// Calls `body` with every entry whose pattern matches `topic`, a literal.
  ///
  /// It goes as deep as the deepest pattern does, which whoever inserts them bounds.
  /// Rules about topics that begin with `$` are the caller's (`TopicPattern.hides`).
  @inlinable
  public func match(_ topic: UnsafeRawBufferPointer, _ body: (Entry) -> Void) {
    _ = self.matchAlike(topic, body)
  }

  /// As `match`, with a topic in whose place many others will be asked for.
  ///
  /// - Returns: whether the same entries match every topic that differs from this one in its last
  ///   level only.
  @inlinable
  public func matchAlike(_ topic: UnsafeRawBufferPointer, _ body: (Entry) -> Void) -> Bool {
    var isAlike = true
    self.matchAlike(self.root, TopicLevels(topic), &isAlike, body)
    return isAlike
  }

  @inlinable
  func matchAlike(
    _ node: Node, _ levels: TopicLevels, _ isAlike: inout Bool, _ body: (Entry) -> Void
  ) {
    self.visitCount &+= 1
    for entry in node.zeroOrMore { body(entry) }
    var rest = levels
    guard let level = rest.next() else {
      for entry in node.exact { body(entry) }
      return
    }
    if rest.isAtEnd, !node.children.isEmpty { isAlike = false }
    for entry in node.oneOrMore { body(entry) }
    if let single = node.single { self.matchAlike(single, rest, &isAlike, body) }
    if let child = self.child(of: node, level) { self.matchAlike(child, rest, &isAlike, body) }
  }

  /// Calls `body` with every entry, held under a literal topic, that `pattern` matches, until
  /// `body` answers `false`. `body` may not change the tree.
  public func search(_ pattern: TopicPattern, _ body: (Entry) -> Bool) {
    let cursor = Cursor(self, pattern)
    while cursor.step(body) {}
  }

  /// Calls `body` with every entry, in no particular order, until `body` answers `false`.
  public func forEach(_ body: (Entry) -> Bool) {
    var next: Node? = self.root
    while let node = next {
      for entry in node.exact where !body(entry) { return }
      for entry in node.oneOrMore where !body(entry) { return }
      for entry in node.zeroOrMore where !body(entry) { return }
      next = node.following
    }
  }

  @inlinable
  func child(of node: Node, _ level: UnsafeRawBufferPointer) -> Node? {
    guard !node.children.isEmpty else { return nil }
    var next = node.children[LevelHash(self.hash(level))]
    while let child = next {
      if child.level.withUnsafeBytes({ $0.sameBytes(as: level) }) { return child }
      next = child.collision
    }
    return nil
  }

  private func node(at pattern: TopicPattern, create: Bool) -> Node? {
    pattern.bytes.withUnsafeBytes { bytes in
      var node = self.root
      var levels = TopicLevels(bytes)
      while let level = levels.next() {
        if levels.isAtEnd, pattern.tail != .exact { return node }
        if level.isWildcardLevel {
          if let single = node.single {
            node = single
          } else {
            guard create else { return nil }
            let single = Node(level: [UInt8(ascii: "*")], hash: LevelHash(0), parent: node)
            node.single = single
            Self.enlist(single, under: node)
            self.byteCount += single.byteCount
            node = single
          }
        } else if let child = self.child(of: node, level) {
          node = child
        } else {
          guard create else { return nil }
          let hash = LevelHash(self.hash(level))
          let child = Node(level: Array(level), hash: hash, parent: node)
          child.collision = node.children[hash]
          node.children[hash] = child
          Self.enlist(child, under: node)
          self.byteCount += child.byteCount
          node = child
        }
      }
      return node
    }
  }

  private func prune(_ start: Node) {
    var node = start
    while node.isEmpty, let parent = node.parent {
      if !self.resting.isEmpty { self.sendOn(from: node) }
      Self.unlink(node, from: parent)
      self.byteCount -= node.byteCount
      node = parent
    }
  }

  /// Moves the walks on that rest at `node`, which is about to leave the tree.
  private func sendOn(from node: Node) {
    guard let cursors = self.resting.removeValue(forKey: ObjectIdentifier(node)) else { return }
    for cursor in cursors { cursor._withUnsafeGuaranteedRef { $0.leave(node) } }
  }

  /// New children come first: a cursor that has begun with the others does not meet them.
  private static func enlist(_ node: Node, under parent: Node) {
    node.nextSibling = parent.firstChild
    parent.firstChild?.previousSibling = node
    parent.firstChild = node
  }

  private static func unlink(_ node: Node, from parent: Node) {
    if let previous = node.previousSibling {
      previous.nextSibling = node.nextSibling
    } else {
      parent.firstChild = node.nextSibling
    }
    node.nextSibling?.previousSibling = node.previousSibling
    if parent.single === node {
      parent.single = nil
      return
    }
    guard let head = parent.children[node.hash] else { return }
    if head === node {
      parent.children[node.hash] = node.collision
      return
    }
    var previous = head
    while let next = previous.collision {
      if next === node {
        previous.collision = node.collision
        return
      }
      previous = next
    }
  }

  private static func withList<Result>(
    of node: Node, _ tail: TopicPattern.Tail, _ body: (inout [Entry]) -> Result
  ) -> Result {
    switch tail {
    case .exact: body(&node.exact)
    case .oneOrMore: body(&node.oneOrMore)
    case .zeroOrMore: body(&node.zeroOrMore)
    }
  }
}

/// What children are found by: a number that is as good as random already and need not be hashed
/// once more.
@usableFromInline struct LevelHash: Hashable {
  @usableFromInline let number: UInt64

  @inlinable
  init(_ number: UInt64) { self.number = number }

  @inlinable
  func hash(into hasher: inout Hasher) { hasher.combine(self.number) }

  @inlinable
  func _rawHashValue(seed: Int) -> Int { Int(truncatingIfNeeded: self.number) ^ seed }

  @inlinable
  static func == (left: Self, right: Self) -> Bool { left.number == right.number }
}
