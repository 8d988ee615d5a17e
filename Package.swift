// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

/// For the modules on the message path. Exclusivity is proven by confinement to one event loop;
/// bounds and overflow checks stay on (`docs/architecture.md`, "Unsafe code").
let hot: [SwiftSetting] =
  settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(
  name: "UnixSignals", package: "swift-service-lifecycle")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let configuration: Target.Dependency = .product(
  name: "Configuration", package: "swift-configuration")
let protobuf: Target.Dependency = .product(
  name: "SwiftProtobuf", package: "swift-protobuf", condition: .when(traits: ["Protobuf"]))

/// One wire protocol = one folder = one call. `driver` turns on with the framework, `frontEnd` off
/// for a protocol of which there is only the codec yet.
func wireProtocol(
  _ name: String, driver: Bool = false, alsoOfDriver: [Target.Dependency] = [],
  frontEnd: Bool = true, alsoOfTests: [Target.Dependency] = []
) -> [Target] {
  let path = "Protocols/\(name)"
  var targets: [Target] = [
    .target(
      name: "\(name)Wire", dependencies: ["GodwitWire", "GodwitPrimitives", nioCore],
      path: "\(path)/Wire", swiftSettings: hot)
  ]
  var tested: [Target.Dependency] = [
    .target(name: "\(name)Wire"), "GodwitWireTesting", "GodwitWire", "GodwitPrimitives", nioCore,
  ]
  if driver {
    targets.append(
      .target(
        name: "Godwit\(name)",
        dependencies: [
          .target(name: "\(name)Wire"), "GodwitWire", "GodwitDriverKit", "Godwit", nioCore, logging,
          crypto,
        ] + alsoOfDriver,
        path: "\(path)/Driver", swiftSettings: settings))
    tested += [.target(name: "Godwit\(name)"), "Godwit", "GodwitDriverKit", "TestSupport"]
  }
  if frontEnd {
    targets.append(
      .target(
        name: "\(name)FrontEnd",
        dependencies: [
          .target(name: "\(name)Wire"), "GodwitWire", "GodwitFrontEndKit", "GodwitEngine",
          "GodwitPrimitives", nioCore, logging, crypto,
        ],
        path: "\(path)/FrontEnd", swiftSettings: hot))
    tested += [
      .target(name: "\(name)FrontEnd"), "GodwitFrontEndKit", "GodwitEngine", nioEmbedded, nioPosix,
      logging,
    ]
  }
  targets.append(
    .testTarget(
      name: "\(name)Tests", dependencies: tested + alsoOfTests, path: "\(path)/Tests",
      swiftSettings: settings))
  return targets
}

/// The protocols of this package. Adding one is its folder, its line here, and its line in
/// `Sources/Broker/FrontEnds.swift`.
let protocols: [Target] =
  wireProtocol("NATS", driver: true, alsoOfTests: ["GodwitStorage", "GodwitSimulator"])
  + wireProtocol(
    "MQTT", driver: true, alsoOfDriver: ["GodwitSASLprep"],
    alsoOfTests: ["GodwitStorage", "GodwitSimulator"])
  + wireProtocol("Kafka")
  + wireProtocol("SchemaRegistry", frontEnd: false)

let package = Package(
  name: "godwit",
  products: [
    .executable(name: "godwit", targets: ["GodwitCLI"]),
    .library(name: "Godwit", targets: ["Godwit"]),
    .library(name: "GodwitEmbedded", targets: ["GodwitEmbedded"]),
    .library(name: "GodwitBroker", targets: ["GodwitBroker"]),
    .library(name: "GodwitNATS", targets: ["GodwitNATS"]),
    .library(name: "GodwitMQTT", targets: ["GodwitMQTT"]),
    .library(name: "GodwitDriverKit", targets: ["GodwitDriverKit"]),
    .library(name: "GodwitConformance", targets: ["GodwitConformance"]),
    .library(name: "GodwitHealth", targets: ["GodwitHealth"]),
    .library(name: "GodwitMessagePack", targets: ["GodwitMessagePack"]),
    .library(name: "GodwitProtobuf", targets: ["GodwitProtobuf"]),
    .library(name: "GodwitConduit", targets: ["GodwitConduit"]),
  ],
  // Who depends on the package and does not want what a trait brings names the others.
  traits: [
    .trait(name: "Protobuf", description: "GodwitProtobuf, with swift-protobuf"),
    .trait(name: "Health", description: "GodwitHealth: health endpoints, on Hummingbird"),
    .default(enabledTraits: ["Protobuf"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // L0: the standard library only.
    .target(name: "GodwitPrimitives", path: "Sources/Primitives", swiftSettings: hot),
    // L1: NIOCore only.
    .target(
      name: "GodwitWire", dependencies: ["GodwitPrimitives", nioCore], path: "Sources/Wire",
      swiftSettings: hot),
    .target(
      name: "GodwitWireTesting", dependencies: ["GodwitWire", "GodwitPrimitives", nioCore],
      path: "Sources/WireTesting", swiftSettings: settings),
    // L2: the kernel. No sockets, no protocol, no Foundation.
    .target(
      name: "GodwitEngine", dependencies: ["GodwitPrimitives", nioCore], path: "Sources/Engine",
      swiftSettings: hot),
    // L3: logs in files. The disk and the clock are arguments.
    .target(
      name: "GodwitStorage", dependencies: ["GodwitEngine", "GodwitPrimitives", nioCore, nioPosix],
      path: "Sources/Storage", swiftSettings: hot),
    // L4: a disk that fails as told, for tests of what stands on one.
    .target(
      name: "GodwitSimulator", dependencies: ["GodwitStorage", "GodwitWireTesting", nioCore],
      path: "Sources/Simulator", swiftSettings: settings),
    // L2: what a service imports. Knows no broker.
    .target(
      name: "Godwit",
      dependencies: [
        "GodwitWire", "GodwitPrimitives", nioCore, logging, lifecycle, signals, configuration,
        metrics, tracing,
      ],
      path: "Sources/Godwit", swiftSettings: settings),
    // L3: the engine inside the process, as a broker of the framework.
    .target(
      name: "GodwitEmbedded",
      dependencies: ["Godwit", "GodwitEngine", "GodwitPrimitives", nioCore, logging],
      path: "Sources/Embedded", swiftSettings: settings),
    // L3: codecs beyond those that every service has.
    .target(
      name: "GodwitMessagePack", dependencies: ["Godwit", "GodwitWire", nioCore],
      path: "Sources/MessagePack", swiftSettings: settings),
    .target(
      name: "GodwitProtobuf", dependencies: ["Godwit", nioCore, protobuf],
      path: "Sources/Protobuf", swiftSettings: settings),
    // L3: services that send each other messages and streams, over any broker.
    .target(
      name: "GodwitConduit", dependencies: ["Godwit", "GodwitWire", nioCore, logging, lifecycle],
      path: "Sources/Conduit", swiftSettings: settings),
    // L3: what every driver needs.
    .target(
      name: "GodwitDriverKit",
      dependencies: [
        "Godwit", nioCore, nioPosix, logging,
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      path: "Sources/DriverKit", swiftSettings: settings),
    // L3: what every driver must do, as a suite.
    .target(
      name: "GodwitConformance",
      dependencies: [
        "Godwit", nioCore, nioPosix, tracing,
        .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
      ],
      path: "Sources/Conformance", swiftSettings: settings),
    // L3: health endpoints. Empty without the trait.
    .target(
      name: "GodwitHealth",
      dependencies: [
        "Godwit", nioCore, logging, lifecycle,
        .product(
          name: "Hummingbird", package: "hummingbird", condition: .when(traits: ["Health"])),
      ],
      path: "Sources/Health", swiftSettings: settings),
    // L3: the one form of names and passwords, for servers and clients.
    .target(name: "GodwitSASLprep", path: "Sources/SASLprep", swiftSettings: settings),
    // L3: what every front end needs.
    .target(
      name: "GodwitFrontEndKit",
      dependencies: [
        "GodwitEngine", "GodwitWire", "GodwitPrimitives", nioCore, nioPosix, logging, crypto,
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      path: "Sources/FrontEndKit", swiftSettings: hot),
    // L5: listeners, settings, admin.
    .target(
      name: "GodwitBroker",
      dependencies: [
        "GodwitEngine", "GodwitFrontEndKit", "GodwitStorage", "GodwitPrimitives", "GodwitSASLprep",
        "GodwitWire",
        "NATSFrontEnd", "MQTTFrontEnd", "KafkaFrontEnd", "SchemaRegistryWire", nioCore, nioPosix,
        logging, crypto,
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        configuration,
        .product(name: "Yams", package: "Yams"),
      ],
      path: "Sources/Broker", swiftSettings: settings),
    // L6: the program.
    .executableTarget(
      name: "GodwitCLI",
      dependencies: [
        "GodwitBroker", "GodwitEngine", "GodwitFrontEndKit", "GodwitSASLprep", "GodwitStorage",
        "GodwitWire",
        "GodwitPrimitives", "NATSWire", "MQTTWire", nioCore, nioPosix, logging, crypto,
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/CLI", swiftSettings: settings),
    .executableTarget(
      name: "Tidy", path: "Sources/Tidy", exclude: ["exceptions.json"], swiftSettings: settings),
    // What tests of several modules share.
    .target(
      name: "TestSupport", dependencies: [crypto, logging], path: "Tests/TestSupport",
      swiftSettings: settings),
    // What the tests of the failure table kill.
    .executableTarget(
      name: "FrailWorker",
      dependencies: ["Godwit", "GodwitMQTT", "GodwitNATS", nioCore, logging],
      path: "Tests/FrailWorker", swiftSettings: settings),
    .testTarget(name: "TidyTests", dependencies: ["Tidy"], swiftSettings: settings),
    .testTarget(
      name: "PrimitivesTests", dependencies: ["GodwitPrimitives"], swiftSettings: settings),
    .testTarget(
      name: "WireTests",
      dependencies: ["GodwitWire", "GodwitWireTesting", "GodwitPrimitives", nioCore],
      exclude: ["Vectors"], swiftSettings: settings),
    .testTarget(
      name: "SASLprepTests", dependencies: ["GodwitSASLprep"], swiftSettings: settings),
    .testTarget(
      name: "EngineTests", dependencies: ["GodwitEngine", "GodwitPrimitives", nioCore],
      swiftSettings: settings),
    .testTarget(
      name: "StorageTests",
      dependencies: [
        "GodwitStorage", "GodwitSimulator", "GodwitEngine", "GodwitPrimitives",
        "GodwitWireTesting", "TestSupport", nioCore, nioPosix,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "GodwitTests",
      dependencies: [
        "Godwit", "GodwitWireTesting", "TestSupport", nioCore, logging, lifecycle, configuration,
        metrics, tracing, .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "HealthTests",
      dependencies: ["Godwit", "GodwitEmbedded", "GodwitHealth", nioCore, nioPosix],
      swiftSettings: settings),
    .testTarget(
      name: "EmbeddedTests",
      dependencies: [
        "Godwit", "GodwitEmbedded", "GodwitEngine", "GodwitWireTesting", nioCore, logging,
        lifecycle, configuration,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "MessagePackTests",
      dependencies: [
        "Godwit", "GodwitMessagePack", "GodwitWire", "GodwitWireTesting", nioCore,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ProtobufTests",
      dependencies: [
        "Godwit", "GodwitEmbedded", "GodwitProtobuf", "GodwitWireTesting", nioCore, protobuf,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ConduitTests",
      dependencies: [
        "Godwit", "GodwitConduit", "GodwitEmbedded", "GodwitMessagePack", "GodwitProtobuf",
        "GodwitWire", "GodwitWireTesting", nioCore, logging, protobuf,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "DriverKitTests",
      dependencies: [
        "GodwitDriverKit", "Godwit", "GodwitWireTesting", "TestSupport", nioCore, logging,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ConformanceTests",
      dependencies: [
        "GodwitConformance", "GodwitConduit", "GodwitEmbedded", "GodwitMessagePack", "GodwitNATS",
        "GodwitMQTT", "GodwitDriverKit", "Godwit", "GodwitBroker", "GodwitFrontEndKit",
        "GodwitWire", "GodwitWireTesting", "NATSWire", "MQTTWire", "TestSupport", "FrailWorker",
        nioCore, nioPosix, logging, crypto,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "FrontEndKitTests",
      dependencies: [
        "GodwitFrontEndKit", "GodwitEngine", "GodwitPrimitives", "GodwitWire", nioCore, nioPosix,
        nioEmbedded,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "BrokerTests",
      dependencies: [
        "GodwitBroker", "GodwitEngine", "GodwitFrontEndKit", "GodwitPrimitives", "GodwitWire",
        "TestSupport", nioCore, nioEmbedded, nioPosix, logging, crypto,
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "CLITests",
      dependencies: [
        "GodwitCLI", "GodwitEngine", "GodwitFrontEndKit", "GodwitWire", "GodwitWireTesting",
        "NATSFrontEnd", "NATSWire", "MQTTFrontEnd", "MQTTWire", nioCore, nioEmbedded, logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
  ] + protocols,
  swiftLanguageModes: [.v6]
)
