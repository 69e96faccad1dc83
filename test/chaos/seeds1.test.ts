import { share } from "../support/chaosSeeds.js"

share(1, 2)
