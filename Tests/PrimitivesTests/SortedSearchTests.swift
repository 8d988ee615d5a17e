import GodwitPrimitives
import Testing

@Suite struct SortedSearchTests {
  @Test func findsTheFirstBehindWhereverItIs() {
    for count in 0..<20 {
      for place in 0...count {
        #expect((0..<count).partitioningIndex { $0 >= place } == place)
        let slice = Array(0..<count + 3)[2..<count + 2]
        #expect(slice.partitioningIndex { $0 >= place + 2 } == place + 2)
      }
    }
  }
}
