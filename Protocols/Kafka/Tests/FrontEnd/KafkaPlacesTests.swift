import KafkaWire
import Testing

@testable import KafkaFrontEnd

@Suite struct KafkaPlacesTests {
  private static func place(_ topic: UInt64, _ partition: Int32) -> KafkaPlace {
    KafkaPlace(topic: KafkaUUID(high: 1, low: topic), partition: partition)
  }

  private static func some(_ generator: inout SystemRandomNumberGenerator) -> Set<KafkaPlace> {
    Set(
      (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
        place(.random(in: 0..<3, using: &generator), .random(in: 0..<200, using: &generator))
      })
  }

  @Test func theyAreSets() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let (left, right) = (Self.some(&generator), Self.some(&generator))
      let (a, b) = (KafkaPlaces(left), KafkaPlaces(right))
      #expect(Set(a) == left && a.count == left.count && a.isEmpty == left.isEmpty)
      #expect(Set(a.union(b)) == left.union(right))
      #expect(Set(a.intersection(b)) == left.intersection(right))
      #expect(Set(a.subtracting(b)) == left.subtracting(right))
      #expect(a.union(b).subtracting(b) == KafkaPlaces(left.subtracting(right)))
      #expect(a.intersection(b).isSubset(of: a) && a.isSubset(of: b) == left.isSubset(of: right))
      #expect(left.allSatisfy(a.contains) && right.subtracting(left).allSatisfy { !a.contains($0) })
      var rest = a
      for place in left { #expect(rest.remove(place) && !rest.remove(place)) }
      #expect(rest == [] && rest.words.isEmpty)
    }
  }

  @Test(arguments: [0..<1, 0..<64, 63..<65, 5..<130, 64..<128, 7..<7, 0..<10_000])
  func rangesAreFilled(range: Range<Int32>) {
    let id = KafkaUUID(high: 1, low: 2)
    var places: KafkaPlaces = [Self.place(2, 300)]
    places.insert(range, of: id)
    #expect(
      Set(places) == Set(range.map { Self.place(2, $0) }).union([Self.place(2, 300)]))
    #expect(Array(places).map(\.partition) == Array(places).map(\.partition).sorted())
  }

  @Test func whatNobodyHasTakesNothing() {
    var places = KafkaPlaces()
    places.insert(Self.place(1, -1))
    places.insert(Self.place(1, .max))
    places.insert(0 ..< .max, of: KafkaUUID(high: 1, low: 3))
    #expect(!places.contains(Self.place(1, -1)) && !places.contains(Self.place(1, .max)))
    #expect(places.count == KafkaPlaces.partitionsMax)
    let words = [UInt64](repeating: 0, count: 1_000)
    #expect(KafkaPlaces([KafkaUUID(): words]) == [])
  }
}
