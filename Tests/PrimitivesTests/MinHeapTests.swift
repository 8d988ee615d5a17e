import GodwitPrimitives
import Testing

struct MinHeapTests {
  @Test func givesTheSmallestFirst() {
    var heap = MinHeap<Int>()
    #expect(heap.isEmpty)
    #expect(heap.removeMin() == nil)
    let numbers = (0..<1_000).map { ($0 * 7_919) % 1_009 }
    for number in numbers { heap.insert(number) }
    #expect(heap.count == 1_000)
    #expect(heap.min == numbers.min())
    var sorted: [Int] = []
    while let number = heap.removeMin() { sorted.append(number) }
    #expect(sorted == numbers.sorted())
  }

  @Test func isMadeOfAnyElements() {
    var heap = MinHeap([3, 1, 2])
    heap.insert(0)
    #expect((0..<4).map { _ in heap.removeMin() } == [0, 1, 2, 3])
    heap.insert(1)
    heap.removeAll()
    #expect(heap.isEmpty)
  }
}
