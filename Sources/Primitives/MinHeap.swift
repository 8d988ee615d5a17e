/// A binary heap: the smallest element is at hand, adding and taking cost the logarithm of their
/// number, and elements that come in order cost next to nothing. Inlinable, for other modules' own
/// kinds of element.
public struct MinHeap<Element: Comparable> {
  @usableFromInline var elements: [Element] = []

  /// An empty heap.
  @inlinable
  public init() {}

  /// A heap of `elements`.
  @inlinable
  public init(_ elements: [Element]) {
    // Sorted elements are a heap.
    self.elements = elements.sorted()
  }

  /// How many elements there are.
  @inlinable
  public var count: Int { self.elements.count }
  /// Whether there is none.
  @inlinable
  public var isEmpty: Bool { self.elements.isEmpty }
  /// The smallest element.
  @inlinable
  public var min: Element? { self.elements.first }

  /// All elements, in no order that means anything.
  @inlinable
  public var unordered: [Element] { self.elements }

  /// Adds an element.
  @inlinable
  public mutating func insert(_ element: Element) {
    self.elements.append(element)
    var index = self.elements.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard self.elements[index] < self.elements[parent] else { return }
      self.elements.swapAt(index, parent)
      index = parent
    }
  }

  /// Takes the smallest element out.
  @inlinable
  @discardableResult
  public mutating func removeMin() -> Element? {
    guard let last = self.elements.popLast() else { return nil }
    guard let smallest = self.elements.first else { return last }
    self.elements[0] = last
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < self.elements.count else { return smallest }
      if child + 1 < self.elements.count, self.elements[child + 1] < self.elements[child] {
        child += 1
      }
      guard self.elements[child] < self.elements[index] else { return smallest }
      self.elements.swapAt(index, child)
      index = child
    }
  }

  /// Takes everything out.
  @inlinable
  public mutating func removeAll() { self.elements.removeAll() }
}
