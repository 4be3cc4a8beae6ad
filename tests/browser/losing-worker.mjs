// The package's worker on a device that can be lost: a real `destroy()`, at the moment that a test asks for.

import "./losing.mjs";
import "/wembed/worker.js";
