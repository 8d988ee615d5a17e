import Configuration
import Godwit
import Logging
import TestSupport
import Testing

@Suite struct DriverRegistryTests {
  /// A driver kind that tells what it was made of, by its error.
  private static func kind(_ name: String, schemes: [String], options: [DriverOption]) -> DriverKind
  {
    DriverKind(name, schemes: schemes, options: options) { settings throws(GodwitError) in
      let values = options.compactMap { option -> String? in
        let value =
          settings.text(option.name) ?? settings.integer(option.name).map { "\($0)" }
          ?? settings.duration(option.name).map { "\($0)" }
          ?? settings.flag(option.name).map { "\($0)" }
        return value.map { "\(option.name)=\($0)" }
      }
      throw GodwitError(.closed, (settings.urls + values).joined(separator: " "))
    }
  }

  private let drivers = DriverRegistry([
    Self.kind(
      "nats", schemes: ["nats", "tls"],
      options: [
        DriverOption("token", .secret), DriverOption("tries", .integer(1...9)),
        DriverOption("wait_seconds", .seconds(0...60)), DriverOption("verify", .flag),
      ]),
    Self.kind("mqtt", schemes: ["mqtt"], options: [DriverOption("client_id", .text)]),
  ])

  private func made(_ urls: [String], _ options: [String: String] = [:]) -> String {
    do {
      _ = try self.drivers.driver(for: urls, options: options)
      return "a driver"
    } catch {
      return error.message
    }
  }

  @Test func serversAndOptionsReachTheirDriver() {
    #expect(self.made(["nats://h:1"]) == "nats://h:1")
    #expect(self.made(["TLS://h"], ["tries": "3"]) == "TLS://h tries=3")
    #expect(
      self.made(["nats://u:p@a,b:2,tls://x:y@c"]) == "nats://u:p@a nats://u:p@b:2 tls://x:y@c")
    #expect(self.made(["nats://a", "tls://b?tries=1"]) == "nats://a tls://b tries=1")
    #expect(
      self.made(["nats://a?tries=9&wait_seconds=0.5&verify=false&token=a%2Cb%3D"], ["tries": "2"])
        == "nats://a token=a,b= tries=9 wait_seconds=0.5 seconds verify=false")
  }

  @Test(arguments: [
    ("", "a broker's URL without a scheme, such as 'nats:'"),
    ("localhost", "a broker's URL without a scheme, such as 'nats:'"),
    ("4:1", "a broker's URL without a scheme, such as 'nats:'"),
    ("amqp://h", "no driver is registered for URLs of 'amqp:'; there are: mqtt, nats, tls"),
    ("nats://a,mqtt://b", "URLs of two brokers, nats and mqtt, for one"),
    ("nats://a,,b", "an empty place in the list of a URL's servers"),
    ("nats://a#b", "a broker's URL with '#', which means nothing there"),
    ("nats://a b", "a broker's URL with a space, or far too long"),
    ("mqtt://a?x=1", "the mqtt driver has no option 'x'; there are: client_id"),
    ("mqtt://a?client_id", "an option of a broker's URL has no value"),
    ("mqtt://a?client_id=1&client_id=2", "the option 'client_id' stands twice in a URL"),
    ("mqtt://a?client_id=%G0", "a broker's URL with a '%' that encodes nothing"),
    ("mqtt://a?client_id=%FF", "a broker's URL with a '%' that encodes no text"),
    ("nats://a?tries=0", "the option 'tries' takes a whole number from 1 to 9"),
    ("nats://a?verify=yes", "the option 'verify' takes true or false"),
    (
      "nats://a?wait_seconds=nan",
      "the option 'wait_seconds' takes a number of seconds from 0.0 to 60.0"
    ),
  ])
  func whatCannotBeUsedIsOneSentence(_ url: String, _ sentence: String) {
    #expect(self.made([url]) == sentence)
  }

  @Test func urlsThatAreMissing() {
    #expect(self.made([]) == "a broker without a URL")
    #expect(
      self.made(["nats:" + String(repeating: "a", count: 16_384)])
        == "a broker's URL with a space, or far too long")
  }

  private func configured(
    _ values: [AbsoluteConfigKey: ConfigValue], _ keys: ConfigurationKeys = []
  ) async -> String {
    let reader = ConfigReader(provider: InMemoryProvider(values: values))
    do {
      _ = try await Broker(
        configuration: reader.scoped(to: "broker"), keys: keys, drivers: self.drivers)
      return "a broker"
    } catch {
      return error.message
    }
  }

  @Test func configurationNamesTheBroker() async {
    #expect(await self.configured(["broker.url": "nats://a"]) == "nats://a")
    #expect(
      await self.configured([
        "broker.urls": .init(.stringArray(["nats://a", "nats://b"]), isSecret: false),
        "broker.token": "t", "broker.tries": 4, "broker.wait_seconds": 2, "broker.verify": true,
      ]) == "nats://a nats://b token=t tries=4 wait_seconds=2.0 seconds verify=true")
    #expect(
      await self.configured(["broker.url": "nats://a?tries=5", "broker.tries": 4])
        == "nats://a tries=5")
  }

  /// A misspelt key is noticed where its source can list its keys.
  @Test func keysThatAreListedAreKnown() async throws {
    let values: [AbsoluteConfigKey: ConfigValue] = ["broker.url": "nats://a?tries=2"]
    let folder = try TestFolder()
    let json = #"{"services": {"broker": {"url": "nats://a", "tires": 2}}, "tokn": "t"}"#
    let file = try folder.write("settings.json", json)
    let tires =
      "the nats driver has no option 'tires'; there are: token, tries, verify, wait_seconds"
    let variables = ["BROKER_URL": "nats://a", "BROKER_TRIES": "2", "BROKEN_X": "", "X": ""]
    let cases: [(ConfigurationKeys, String)] = [
      (["url", "tires"], tires), (["urls", "tries"], "nats://a tries=2"),
      (.environment(variables, below: "broker"), "nats://a tries=2"),
      (.environment(["BROKER_TIRES": "2"], below: "broker"), tires),
      (try .json(file: file, below: "services.broker"), tires),
      (try .json(file: file, below: "elsewhere"), "nats://a tries=2"),
    ]
    for (keys, sentence) in cases {
      #expect(await self.configured(values, keys) == sentence)
    }
    #expect(throws: GodwitError.self) {
      try ConfigurationKeys.json(file: folder.path + "/none.json", below: "broker")
    }
  }

  /// What stands in a provider that lists its keys needs no other list, whatever the scope.
  @Test func providersListTheirKeys() async throws {
    let tires =
      "the nats driver has no option 'tires'; there are: token, tries, verify, wait_seconds"
    let rest = ListedProvider.environment(["BROKER_TOKEN": "t", "OTHER_TIRES": "2", "X": ""])
    func made(_ providers: [any ConfigProvider], scope: ConfigKey = "broker") async -> String {
      do {
        _ = try await Broker(
          configuration: ConfigReader(providers: providers).scoped(to: scope),
          drivers: self.drivers)
        return "a broker"
      } catch {
        return error.message
      }
    }
    let url = InMemoryProvider(values: ["broker.url": "nats://a", "a.b.url": "nats://b"])
    #expect(await made([url, rest]) == "nats://a token=t")
    let misspelt = ListedProvider.environment(["BROKER_TIRES": "2", "A_B_TIRES": ""])
    #expect(await made([misspelt, url, rest]) == tires)
    // Every one of them is asked.
    #expect(await made([url, rest, misspelt]) == tires)
    #expect(await made([rest, url, misspelt], scope: "a.b") == tires)
    let folder = try TestFolder()
    let file = try folder.write("settings.json", #"{"a": {"b": {"url": "", "tires": 2}}}"#)
    #expect(await made([ListedProvider.json(url, file: file)]) == "nats://a")
    #expect(await made([ListedProvider.json(url, file: file)], scope: "a.b") == tires)
    let gone = "the file 'none.json' cannot be read as JSON"
    #expect(await made([ListedProvider.json(url, file: "none.json")]) == gone)
  }

  /// Who configures a broker says where it logs, and its driver logs there.
  @Test func theLoggerReachesTheDriver() {
    let kind = DriverKind("x", schemes: ["x"]) { settings throws(GodwitError) in
      throw GodwitError(.closed, settings.logger.label)
    }
    #expect {
      try Broker(url: "x:", drivers: [kind], logger: Logger(label: "mine"))
    } throws: { ($0 as? GodwitError)?.message == "mine" }
  }

  @Test func configurationThatCannotBeUsed() async {
    #expect(
      await self.configured([:]) == "the configuration names no broker: 'url' is missing")
    #expect(
      await self.configured([
        "broker.url": "nats://a", "broker.urls": .init(.stringArray(["b"]), isSecret: false),
      ]) == "the configuration has both 'url' and 'urls'")
    #expect(
      await self.configured(["broker.url": 5])
        == "'url' or 'urls' of the configuration cannot be read as text")
    #expect(
      await self.configured(["broker.url": "nats://a", "broker.client_id": "me"])
        == "the nats driver has no option 'client_id'; "
        + "there are: token, tries, verify, wait_seconds")
    #expect(
      await self.configured(["broker.url": "nats://a", "broker.tries": "many"])
        == "the option 'tries' of the configuration cannot be read")
  }

  @Test func theLaterKindHasTheScheme() {
    var drivers = self.drivers
    drivers.register(Self.kind("other", schemes: ["nats"], options: []))
    #expect(throws: GodwitError.self) { try drivers.driver(for: ["nats://a?tries=1"]) }
    #expect(drivers.schemes == ["mqtt", "nats", "tls"])
  }
}
