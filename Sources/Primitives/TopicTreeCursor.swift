extension TopicTree {
  /// A walk over the entries, held under literal topics, that a pattern matches. It can be left and
  /// gone on with at any time; what is inserted meanwhile is met or not, what was there and stays
  /// is met once.
  ///
  /// It keeps one place and no stack, so that neither depth nor breadth of the tree cost memory.
  public final class Cursor {
    private let tree: TopicTree
    private let pattern: TopicPattern
    /// The pattern's levels before an open tail.
    private let levels: [Range<Int>]
    /// Where to go on, and how deep that is; `nil` at the end.
    private var node: Node?
    private var depth = 0

    /// A walk that has not begun.
    public init(_ tree: TopicTree, _ pattern: TopicPattern) {
      self.tree = tree
      self.pattern = pattern
      var ranges: [Range<Int>] = []
      var start = 0
      pattern.bytes.withUnsafeBytes { bytes in
        var levels = TopicLevels(bytes)
        while let level = levels.next() {
          if levels.isAtEnd, pattern.tail != .exact { break }
          ranges.append(start..<start + level.count)
          start += level.count + 1
        }
      }
      self.levels = ranges
      self.node = tree.root
    }

    deinit { self.wake() }

    /// Whether everything was seen.
    public var isAtEnd: Bool { self.node == nil }

    /// Goes at most `steps` nodes further and calls `body` with the entries there, until it answers
    /// `false`: then the walk is over. `body` may not change the tree; between two calls anybody
    /// may.
    ///
    /// - Returns: whether there is more to see.
    @discardableResult
    public func advance(_ steps: Int, _ body: (Entry) -> Bool) -> Bool {
      self.wake()
      for _ in 0..<steps {
        guard self.step(body) else { return false }
      }
      self.rest()
      return true
    }

    /// Has the tree tell this walk when the node where it goes on leaves.
    private func rest() {
      guard let node = self.node else { return }
      self.tree.resting[ObjectIdentifier(node), default: []].append(.passUnretained(self))
    }

    private func wake() {
      guard let node = self.node else { return }
      let key = ObjectIdentifier(node)
      guard var cursors = self.tree.resting[key] else { return }
      let own = Unmanaged.passUnretained(self).toOpaque()
      cursors.removeAll { $0.toOpaque() == own }
      self.tree.resting[key] = cursors.isEmpty ? nil : cursors
    }

    /// Goes one node further; see `advance`.
    func step(_ body: (Entry) -> Bool) -> Bool {
      guard let node = self.node else { return false }
      let entries = self.isMatch ? node.exact : []
      if let child = self.firstChild(of: node) {
        self.node = child
        self.depth += 1
      } else {
        self.passBy(node)
      }
      for entry in entries where !body(entry) {
        self.node = nil
        return false
      }
      return self.node != nil
    }

    /// There is nothing to see any more.
    func end() { self.node = nil }

    /// `node` is about to leave the tree; it has no children.
    func leave(_ node: Node) {
      guard self.node === node else { return }
      self.passBy(node)
      self.rest()
    }

    private var isMatch: Bool {
      switch self.pattern.tail {
      case .exact: self.depth == self.levels.count
      case .oneOrMore: self.depth > self.levels.count
      case .zeroOrMore: self.depth >= self.levels.count
      }
    }

    /// Moves to what follows `node`, which is at `depth`, and all below it.
    private func passBy(_ node: Node) {
      var node = node
      while self.depth > 0, let parent = node.parent {
        if self.seesAll(at: self.depth - 1), let next = self.visible(node.nextSibling, of: parent) {
          self.node = next
          return
        }
        node = parent
        self.depth -= 1
      }
      self.node = nil
    }

    private func firstChild(of node: Node) -> Node? {
      if self.seesAll(at: self.depth) { return self.visible(node.firstChild, of: node) }
      guard self.depth < self.levels.count else { return nil }
      let range = self.levels[self.depth]
      return self.pattern.bytes.withUnsafeBytes { bytes in
        self.tree.child(of: node, UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
    }

    /// Whether the pattern takes any child of a node at `depth`.
    private func seesAll(at depth: Int) -> Bool {
      guard depth < self.levels.count else { return self.pattern.tail != .exact }
      let range = self.levels[depth]
      return range.count == 1 && self.pattern.bytes[range.lowerBound] == UInt8(ascii: "*")
    }

    /// `first`, or the next of its siblings that the pattern may see.
    private func visible(_ first: Node?, of parent: Node) -> Node? {
      var next = first
      while let node = next {
        let isHidden =
          parent.parent == nil && node.level.withUnsafeBytes { self.pattern.hides($0) }
        if !isHidden, node !== parent.single { return node }
        next = node.nextSibling
      }
      return nil
    }
  }
}
