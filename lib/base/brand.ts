/** The key under which a branded type carries its name. It exists in the type checker only. */
export declare const brand: unique symbol;
