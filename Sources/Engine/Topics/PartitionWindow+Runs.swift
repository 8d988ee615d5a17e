/// How a window's runs are kept, moved and taken up again.
extension PartitionWindow {
  /// The first run that ends behind `offset`; the number of runs where none does.
  func index(of offset: UInt64) -> Int {
    var low = 0
    var high = self.runs.count
    while low < high {
      let middle = (low + high) / 2
      if self.runs[middle].offsets.upperBound <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Changes what of `offsets` lies in the window, run by run.
  mutating func change(_ offsets: Range<UInt64>, _ body: (inout Run) -> Void) {
    guard !offsets.isEmpty else { return }
    var first = self.index(of: offsets.lowerBound)
    var last = first
    var new: [Run] = []
    func add(_ run: Run) {
      guard !run.offsets.isEmpty else { return }
      if let before = new.last, before.goesOn(run) {
        new[new.count - 1].offsets = before.offsets.lowerBound..<run.offsets.upperBound
      } else {
        new.append(run)
      }
    }
    if first > 0 {
      first -= 1
      add(self.runs[first])
    }
    var openCount = self.openCount
    while last < self.runs.count, self.runs[last].offsets.lowerBound < offsets.upperBound {
      let run = self.runs[last]
      last += 1
      var part = run
      part.offsets = run.offsets.clamped(to: offsets)
      add(run.with(run.offsets.lowerBound..<part.offsets.lowerBound))
      if part.isOpen { openCount -= part.count }
      body(&part)
      if part.isOpen {
        openCount += part.count
      } else {
        // What is done with is all one, and so takes no room however much it is.
        part.deliveryCount = 0
      }
      add(part)
      add(run.with(part.offsets.upperBound..<run.offsets.upperBound))
    }
    if last < self.runs.count {
      add(self.runs[last])
      last += 1
    }
    self.runs.replaceSubrange(first..<last, with: new)
    self.openCount = openCount
  }

  /// Adds a run behind the last.
  mutating func append(_ run: Run) {
    guard !run.offsets.isEmpty else { return }
    if run.isOpen { self.openCount += run.count }
    if let last = self.runs.last, last.goesOn(run) {
      self.runs[self.runs.count - 1].offsets = last.offsets.lowerBound..<run.offsets.upperBound
    } else {
      self.runs.append(run)
    }
  }

  /// Moves the start behind what is done with.
  mutating func advance() {
    guard let first = self.runs.first, !first.isOpen else { return }
    let done = self.runs.firstIndex { $0.isOpen } ?? self.runs.count
    self.start = self.runs[done - 1].offsets.upperBound
    self.runs.removeFirst(done)
    self.noteMove()
  }

  // MARK: Moves from outside

  /// The records before `offset` are gone, whoever holds them.
  public mutating func trim(before offset: UInt64) {
    guard offset > self.start else { return }
    self.floor = max(self.floor, offset)
    self.drop(before: offset)
    self.noteMove()
  }

  /// The window begins anew at `offset`, and knows nothing of what was.
  public mutating func reset(to offset: UInt64) {
    self.start = offset
    self.floor = 0
    self.runs = []
    self.openCount = 0
    self.nextDeadline = nil
    self.forgetChanges()
  }

  /// What lies from `end` on was never there.
  ///
  /// - Returns: whether something was known of it.
  public mutating func cut(at end: UInt64) -> Bool {
    guard self.end > end else { return false }
    self.start = min(self.start, end)
    self.runs = self.runs.compactMap { run in
      run.offsets.lowerBound < end
        ? run.with(run.offsets.lowerBound..<min(run.offsets.upperBound, end)) : nil
    }
    self.recount()
    self.advance()
    return true
  }

  /// Takes up what was written down.
  public mutating func apply(_ changes: Changes) {
    if changes.isWhole { self.reset(to: changes.start) }
    for kept in changes.kept where kept.offsets.upperBound > max(self.start, changes.start) {
      let offsets = kept.offsets.clamped(to: max(self.start, changes.start)..<UInt64.max)
      self.append(
        Run(
          offsets: self.end..<max(self.end, offsets.upperBound), state: .available,
          deliveryCount: 0))
      self.change(offsets) { run in
        run.state = kept.isDone ? .done : .available
        run.deliveryCount = kept.deliveryCount
      }
    }
    self.drop(before: changes.start)
    self.advance()
    self.forgetChanges()
  }

  private mutating func drop(before offset: UInt64) {
    guard offset > self.start else { return }
    self.start = offset
    self.runs = self.runs.compactMap { run in
      run.offsets.upperBound > offset
        ? run.with(max(run.offsets.lowerBound, offset)..<run.offsets.upperBound) : nil
    }
    self.recount()
    self.advance()
  }

  private mutating func recount() {
    self.openCount = self.runs.reduce(0) { $0 + ($1.isOpen ? $1.count : 0) }
  }
}

extension PartitionWindow.Run {
  func with(_ offsets: Range<UInt64>) -> Self {
    Self(offsets: offsets, state: self.state, deliveryCount: self.deliveryCount)
  }

  mutating func comeBack(_ deliveriesMax: Int, _ keepsDead: Bool) {
    let isSpent = deliveriesMax > 0 && self.deliveryCount >= deliveriesMax
    self.state = !isSpent ? .available : keepsDead ? .dying(isRejected: false) : .done
  }

  func kept(_ offsets: Range<UInt64>) -> PartitionWindow.Kept {
    var count = self.deliveryCount
    switch self.state {
    // As if the last time had not been: after a crash it is lent once more.
    case .lent, .dying: count -= 1
    case .available, .done: break
    }
    return PartitionWindow.Kept(
      offsets: offsets, isDone: self.state == .done, deliveryCount: count)
  }
}
