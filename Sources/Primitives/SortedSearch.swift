extension RandomAccessCollection {
  /// The first index whose element satisfies `isBehind`, in a collection in which all elements that
  /// do stand behind those that do not; `endIndex` when none does. Halves what is left with each
  /// step.
  @inlinable
  public func partitioningIndex(where isBehind: (Element) -> Bool) -> Index {
    var low = self.startIndex
    var count = self.count
    while count > 0 {
      let half = count / 2
      let middle = self.index(low, offsetBy: half)
      if isBehind(self[middle]) {
        count = half
      } else {
        low = self.index(after: middle)
        count -= half + 1
      }
    }
    return low
  }
}
