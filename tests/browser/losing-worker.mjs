// The page's worker on a device that can be lost: a real `destroy()`, at the moment that a test asks for.

import "./losing.mjs";
import "/worker.mjs";
