import Testing

@testable import GodwitBroker

struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false),
    ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.8", false),
    ("172.16.0.0/12", "172.31.255.255", true), ("172.16.0.0/12", "172.32.0.0", false),
    ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
    ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe80::1", false),
    ("10.0.0.0/8", "::ffff:10.1.2.3", true), ("10.0.0.0/8", "", false),
    ("127.0.0.1", "not an address", false),
  ])
  func contains(_ range: String, _ address: String, _ expected: Bool) throws {
    let range = try #require(AddressRange(range))
    #expect(range.contains(address) == expected)
  }

  @Test(arguments: ["", "10", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "x/8", "::/129"])
  func refusesGarbage(_ text: String) {
    #expect(AddressRange(text) == nil)
  }
}
