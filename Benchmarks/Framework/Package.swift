// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "framework-load",
  dependencies: [.package(name: "godwit", path: "../..", traits: [])],
  targets: [
    .executableTarget(
      name: "FrameworkLoad",
      dependencies: [
        .product(name: "Godwit", package: "godwit"),
        .product(name: "GodwitEmbedded", package: "godwit"),
        .product(name: "GodwitNATS", package: "godwit"),
      ],
      swiftSettings: [.enableUpcomingFeature("NonisolatedNonsendingByDefault")])
  ],
  swiftLanguageModes: [.v6]
)
